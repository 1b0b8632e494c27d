/** @module-tag slow */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from 'minecraft-protocol';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { demoGame } from '../../src/servermgr/demo.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { startAwsServer } from './support/aws-server.ts';
import { asAdmin, expectText, openPage, picture, useBrowser, WORLDS } from './support/browser.ts';
import { ADMIN_TOKEN, createManagerFixture, programPath, supervisorCommand } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { startReverseProxy } from './support/reverse-proxy.ts';
import { newVisitor } from './support/visitor.ts';

useBrowser();

const SPOT_REASON = 'Your Spot Task was interrupted.';
test.concurrent('a person presses the button, reads the address, plays there with the agent, leaves; the archive is there and opens', async () => {
  await using fixture = await createManagerFixture({
    ...{ SERVERMGR_SUPERVISOR: '', SERVERMGR_WORLDS: WORLDS, SESSION_EMPTY_TIMEOUT: '2s' },
    SERVERMGR_DASHBOARD_PORT: '80',
    ...demoGame()?.env,
    SESSION_AGENT_COMMAND: JSON.stringify([process.execPath, programPath('agent.mjs'), '--port', '{port}']),
  });
  await using program = await startProgram(fixture.env, fixture.folder);
  await using visit = await openPage(program.url);
  const { page } = visit;
  await picture(page, 'servermgr-home');
  await page.getByLabel('Diverse world').check();
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.waitForURL(/\/wait\?q=/);
  await picture(page, 'servermgr-starting');
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  const address = await page.getByLabel('Address').textContent();
  expect(address).toMatch(/^localhost:\d+$/);
  await expectText(page, 'Minecraft Java Edition 1.16.5');
  await expectText(page, 'Waits for somebody to join');

  // Whoever looks whether the dashboard answers is nobody.
  await expectText(page, 'nobody yet');
  const dashboard = await page.getByRole('link', { name: /^http:/ }).getAttribute('href');
  expect(await (await fetch(dashboard ?? '')).text()).toContain('The dashboard');

  const { leave } = await join_(address ?? '');
  await expectText(page, '1 person');
  await page.getByText('Waits for somebody').waitFor({ state: 'hidden' });
  await picture(page, 'servermgr-ready');
  // The supervisor counts people for itself: leaving before it has looked would not be noticed.
  const id = new URL(page.url()).searchParams.get('q') ?? '';
  const log = join(await fixture.workdir(id), 'supervisor.log');
  await eventually(async () => (await readFile(log, 'utf8')).includes('"people":1'));
  await leave();
  await page.getByRole('heading', { name: 'Your session is over' }).waitFor();
  await expectText(page, 'Everybody had left.');
  await expectText(page, /1 person at most · [\d.]+ [kM]B saved/);
  await picture(page, 'servermgr-over');

  const name = nameOf(id) ?? '';
  await using adminVisit = await openPage(`${program.url}/admin`, {
    ...asAdmin,
    viewport: { width: 1280, height: 720 },
  });
  const admin = adminVisit.page;
  await expectText(admin, name);
  const downloading = admin.waitForEvent('download');
  await admin.getByRole('link', { name: `Archive of ${name}` }).click();
  const archive = await (await downloading).path();
  const { stdout } = await promisify(execFile)('tar', ['tzf', archive]);
  expect(stdout.split('\n')).toEqual(
    expect.arrayContaining(['agent.log', 'cuberite_process.log', 'world/region/r.0.0.mca']),
  );
  expect(visit.faults).toEqual([]);
  expect(adminVisit.faults).toEqual([]);
}, 240_000);

test.concurrent('an administrator sees the fleet and what it costs, and stops a session when asked once more', async () => {
  await using aws = await startAwsServer();
  await using fixture = await createManagerFixture();
  aws.tasks.setOnline(3);
  await using program = await startProgram(
    {
      ...{ SERVERMGR_LAUNCHER: 'ecs', SERVERMGR_SECRET: 's'.repeat(32), SERVERMGR_ADMIN_TOKEN: ADMIN_TOKEN },
      ...{ SERVERMGR_ECS_SUBNETS: 'subnet-a', SERVERMGR_ECS_SECURITY_GROUPS: 'sg-1' },
      SERVERMGR_ECS_GAME_PORT: String(await aws.tasks.playGame()),
      SESSION_DESTINATION: 's3://bucket/sessions',
      ...{ AWS_ENDPOINT_URL: aws.url, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'of', AWS_SECRET_ACCESS_KEY: 'tests' },
    },
    fixture.folder,
  );
  for (let index = 0; index < 3; index += 1)
    expect((await newVisitor(program.url).launch()).status).toBe(303);
  const [first] = aws.tasks.alive();
  if (first !== undefined) aws.tasks.end(first, { stopCode: 'SpotInterruption', stoppedReason: SPOT_REASON });
  await using visit = await openPage(`${program.url}/admin`, {
    ...asAdmin,
    viewport: { width: 1_280, height: 720 },
  });
  const { page } = visit;
  await expectText(page, '4 people online');
  await expectText(page, '$0.117 an hour for the fleet');
  await expectText(page, SPOT_REASON);
  await picture(page, 'servermgr-admin');
  page.once('dialog', dialog => dialog.dismiss());
  await page.getByRole('button', { name: /^Stop/ }).first().click();
  expect(aws.tasks.alive()).toHaveLength(2);
  page.once('dialog', dialog => dialog.accept());
  await page.getByRole('button', { name: /^Stop/ }).first().click();
  await expectText(page, 'stopped by an administrator');
  expect(aws.tasks.alive()).toHaveLength(1);
  expect(visit.faults).toEqual([]);
});

test.concurrent.each([true, false])(
  'the dashboard’s link comes with the address, and leads there (JavaScript: %s)',
  async javaScriptEnabled => {
    await using fixture = await createManagerFixture({
      SERVERMGR_DASHBOARD_PORT: '80',
      SERVERMGR_SUPERVISOR: supervisorCommand('--dashboard-on-demand'),
    });
    const { url } = await fixture.startManager();
    await using visit = await openPage(url, { javaScriptEnabled });
    const { page } = visit;
    await page.getByRole('button', { name: 'Start a server' }).click();
    await page.getByText('the agent’s dashboard is almost there').waitFor();
    expect(await page.getByRole('link', { name: /^http:/ }).count()).toBe(0);
    const workdir = await fixture.workdir(new URL(page.url()).searchParams.get('q') ?? '');
    await writeFile(join(workdir, 'dashboard'), '');
    await page.getByText('The agent’s dashboard: http://localhost').waitFor();
    expect(await page.getByLabel('Address').textContent()).toMatch(/^localhost:\d+$/);
    await page.getByRole('link', { name: /^http:/ }).click();
    await page.getByRole('heading', { name: 'The dashboard' }).waitFor();
    expect(page.url()).toMatch(/^http:\/\/localhost:\d+\/$/);
    expect(visit.faults).toEqual([]);
  },
);

test.concurrent('with the keyboard alone a world is chosen, the server started, and the address copied', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_WORLDS: WORLDS });
  const { url } = await fixture.startManager();
  await using visit = await openPage(url, { permissions: ['clipboard-read', 'clipboard-write'] });
  const { page } = visit;
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toBe('Skip to the content');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  expect(await page.getByLabel('Diverse world').isChecked()).toBe(true);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  const copy = page.getByRole('button', { name: 'Copy' });
  await copy.focus();
  await page.keyboard.press('Enter');
  await page.getByText('Copied').waitFor();
  expect(await page.getByText('dashboard').isVisible()).toBe(false);
  const copied = await page.evaluate('navigator.clipboard.readText()');
  expect(copied).toBe(await page.getByLabel('Address').textContent());
  expect(visit.faults).toEqual([]);
});

test.concurrent('a screen reader is told of progress by a status and a progress bar with a name', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--never') });
  const { url } = await fixture.startManager();
  await using visit = await openPage(url);
  const { page } = visit;
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('status').first().filter({ hasText: 'Your server is starting' }).waitFor();
  const bar = page.getByRole('progressbar', { name: 'How far the server is' });
  await eventually(async () => (await bar.getAttribute('value')) === '75' || (await value(bar)) === 75);
  expect(await page.locator('html').getAttribute('lang')).toBe('en');
  expect(await page.getByRole('main').count()).toBe(1);
  expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
});

test.concurrent('without JavaScript the page goes from the button to the address and to the end by itself', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  await using visit = await openPage(url, { javaScriptEnabled: false });
  const { page } = visit;
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  expect(await page.getByLabel('Address').textContent()).toMatch(/^localhost:\d+$/);
  await fixture.endSession(new URL(page.url()).searchParams.get('q') ?? '');
  await page.getByRole('heading', { name: 'Your session is over' }).waitFor();
});

test.concurrent('a page whose stream is refused refreshes itself', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_STREAMS: '0',
    SERVERMGR_SUPERVISOR: supervisorCommand('--late', '3000'),
  });
  const { url } = await fixture.startManager();
  await using visit = await openPage(url);
  const { page } = visit;
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('heading', { name: 'Your server is starting' }).waitFor();
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
});

test.concurrent('behind a proxy that has nobody to ask for a while a page stays, says that it waits, and goes on', async () => {
  await using fixture = await createManagerFixture();
  const port = await freePort();
  const env = { ...fixture.env, SERVERMGR_LISTEN: `127.0.0.1:${port}` };
  await using first = await startProgram(env, fixture.folder);
  await using proxy = await startReverseProxy(port);
  await using visit = await openPage(proxy.url);
  const { page } = visit;
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  await first.stop('SIGKILL');
  await page.getByText('This page is not up to date').waitFor();
  // One that reloads without having looked has lost its page by now.
  const asked: number[] = [];
  page.on('response', response => asked.push(response.status()));
  await eventually(() => asked.filter(status => status === 502).length >= 3);
  expect(await page.getByLabel('Address').textContent()).toMatch(/^localhost:\d+$/);
  await using _again = await startProgram(env, fixture.folder);
  await page.getByText('This page is not up to date').waitFor({ state: 'hidden' });
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
});

test.concurrent('a clock that is wrong counts right, and a session that ends is not on its way', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--saving') });
  const { url } = await fixture.startManager();
  await using visit = await openPage(url);
  const { page } = visit;
  await page.addInitScript('const now = Date.now; Date.now = () => now() + 3_600_000');
  await page.getByRole('button', { name: 'Start a server' }).click();
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  await expectText(page, /Has run \d+ s/);
  page.once('dialog', dialog => dialog.accept());
  await page.getByRole('button', { name: 'End my session' }).click();
  await page.getByRole('heading', { name: 'Your session is ending' }).waitFor();
  const id = new URL(page.url()).searchParams.get('q') ?? '';
  expect(await newVisitor(url).status(id)).toEqual({ progress: 50, ip: null });
  await page.goto(url);
  await page.getByRole('heading', { name: 'Your session is ending' }).waitFor();
  expect(await page.getByText('on its way').count()).toBe(0);
  expect(visit.faults).toEqual([]);
});

/** A real player, by minecraft-protocol's client. */
async function join_(address: string): Promise<{ leave: () => Promise<void> }> {
  const [host = '', port] = address.split(':');
  const client = createClient({
    host,
    port: Number(port),
    username: 'Walker',
    version: '1.16.5',
    auth: 'offline',
  });
  await once(client, 'success');
  return {
    async leave() {
      const left = once(client, 'end');
      client.end('bye');
      await left;
    },
  };
}

async function value(bar: ReturnType<Page['getByRole']>): Promise<number> {
  return bar.evaluate(element => ('value' in element ? Number(element.value) : Number.NaN));
}
