/**
 * @module-tag slow
 * @module-tag alone
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible } from './support/accessibility.ts';
import { asAdmin, expectText, openPage, picture, useBrowser, WORLDS } from './support/browser.ts';
import { createManagerFixture, supervisorCommand } from './support/manager.ts';
import { newVisitor } from './support/visitor.ts';

useBrowser();

/** Every page that somebody sees, as axe sees it: 320 and 1,280 pixels wide, light and dark. */

test.concurrent('the start page, and the waiting page from the press of the button until it is over', async () => {
  await using fixture = await createManagerFixture({
    ...{ SERVERMGR_WORLDS: WORLDS, SERVERMGR_DASHBOARD_PORT: '80' },
    SERVERMGR_SUPERVISOR: supervisorCommand('--dashboard-on-demand'),
  });
  const { url } = await fixture.startManager();
  await using visit = await openPage(url);
  const { page } = visit;
  await expectAccessible(page);
  await pictureOfPhone(page, 'servermgr-home-phone');

  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByText('the agent’s dashboard is almost there').waitFor();
  await expectText(page, /\d+ s so far\./);
  await expectAccessible(page);
  const waiting = page.url();
  await page.goto(url);
  await page.getByRole('heading', { name: 'Your server is on its way' }).waitFor();
  await expectAccessible(page);

  await page.goto(`${waiting}&not-started=diverse`);
  const id = new URL(waiting).searchParams.get('q') ?? '';
  await writeFile(join(await fixture.workdir(id), 'dashboard'), '');
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  await expectText(page, 'You need Minecraft Java Edition 1.12.2.');
  await expectText(page, /Time left about 1[01] h \d+ min/);
  await expectAccessible(page);
  await page.goto(waiting);
  await pictureOfPhone(page, 'servermgr-ready-phone');
  await page.goto(url);
  await page.getByRole('heading', { name: 'Your server is running' }).waitFor();
  await expectAccessible(page);

  await page.goto(waiting);
  await fixture.endSession(id);
  await page.getByRole('heading', { name: 'Your session is over' }).waitFor();
  await expectAccessible(page);
  await page.goto(url);
  await page.getByText('Your last session is over: everybody had left.').waitFor();
  await expectAccessible(page);
  expect(visit.faults).toEqual([]);
}, 300_000);

test.concurrent('the waiting page of a session that is ending', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--saving') });
  await using visit = await openPage((await fixture.startManager()).url);
  const { page } = visit;
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  page.once('dialog', dialog => dialog.accept());
  await page.getByRole('button', { name: 'End my session' }).click();
  await page.getByRole('heading', { name: 'Your session is ending' }).waitFor();
  await expectAccessible(page);
});

test.concurrent('the waiting page of a session that has failed', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--crash') });
  await using visit = await openPage((await fixture.startManager()).url);
  const { page } = visit;
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('heading', { name: 'Your server did not start' }).waitFor();
  await expectAccessible(page);
});

test.concurrent('messages, and the question whether to forget', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  await using visit = await openPage(url);
  const { page } = visit;
  for (const [path, title] of [
    ['/nowhere', 'There is nothing here'],
    ['/wait?q=nobody', 'There is no such session'],
    ['/launch', 'Press the button to start'],
    ['/clear', 'Forget this browser?'],
  ] as const) {
    await page.goto(`${url}${path}`);
    await page.getByRole('heading', { name: title }).waitFor();
    await expectAccessible(page);
  }
});

test.concurrent('the fleet, with sessions that run and that are over, and without any', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_DASHBOARD_PORT: '80' });
  const { url } = await fixture.startManager();
  await using visit = await openPage(`${url}/admin`, asAdmin);
  const { page } = visit;
  await page.getByText('None.').first().waitFor();
  await expectAccessible(page);
  for (let count = 0; count < 2; count += 1) expect((await newVisitor(url).launch()).status).toBe(303);
  await page.reload();
  await page.locator('.state.ready').nth(1).waitFor();
  await pictureOfPhone(page, 'servermgr-admin-phone');
  page.once('dialog', dialog => dialog.accept());
  await page.getByRole('button', { name: /^Stop/ }).first().click();
  await expectText(page, 'stopped by an administrator');
  await expectAccessible(page);
  expect(visit.faults).toEqual([]);
});

async function pictureOfPhone(page: Page, name: string): Promise<void> {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, name);
}
