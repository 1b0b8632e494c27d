/**
 * @module-tag slow
 * @module-tag alone
 */

import AxeBuilder from '@axe-core/playwright';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openNotesTable } from '../../src/servermgr/database/notes-table.ts';
import { startJournal } from './support/live-journal.ts';
import { ADMIN_TOKEN } from './support/manager.ts';
import { addPast, namesOf, pastRecord } from './support/past-sessions.ts';
import { startWebApp } from './support/web-app.ts';

const asAdmin = { httpCredentials: { username: 'study', password: ADMIN_TOKEN } };
const START_MS = Date.parse('2026-03-01T00:00:00Z');
let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({
    timeout: 90_000,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});

afterAll(() => browser.close());

test('operators’ pages are accessible, and as narrow as a phone, in light and dark', {
  timeout: 120_000,
}, async () => {
  await using app = await startWebApp({});
  const records = [0, 1, 2].map(index => pastRecord({ requestedMs: START_MS + index }));
  await addPast(app.database, records);
  const [name = ''] = namesOf(records);
  const note = { atMs: START_MS, who: 'admin at ::1', text: `a note ${'w'.repeat(300)}` };
  await openNotesTable(app.database).add(records[0]?.session.id ?? '', note);
  const journal = await startJournal(app.folder, 3);
  const of = encodeURIComponent(name);
  const paths = [
    ...['/admin', '/admin/history', '/admin/history?phase=x', '/admin/tokens', '/admin/stop-all'],
    ...[`/admin/session?name=${of}`, `/admin/note?name=${of}`, `/admin/log?name=${journal.name}`],
  ];
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({
      ...asAdmin,
      colorScheme,
      viewport: { width: 320, height: 700 },
    });
    const page = await context.newPage();
    for (const path of paths) {
      await page.goto(`${app.url}${path}`);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(width, `${path}, ${colorScheme}`).toBeLessThanOrEqual(320);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
        `${path}, ${colorScheme}`,
      ).toEqual([]);
    }
    await context.close();
  }
});

test('a log grows on its page, a search is made by its form, and a token is shown once', {
  timeout: 120_000,
}, async () => {
  await using app = await startWebApp({});
  const records = [
    pastRecord({ requestedMs: START_MS }),
    pastRecord({ requestedMs: START_MS + 1, stopped: 'admin' }),
  ];
  await addPast(app.database, records);
  const [, stopped = ''] = namesOf(records);
  const context = await browser.newContext(asAdmin);
  const page = await context.newPage();
  const journal = await startJournal(app.folder, 3);
  await page.goto(`${app.url}/admin/log?name=${encodeURIComponent(journal.name)}`);
  await page.getByText('line 29 <b>&').waitFor();
  await journal.write('<i>and one more</i>\n');
  await page.getByText('<i>and one more</i>').waitFor();
  expect(await page.locator('pre').innerText()).toMatch(/^line 0 .*\n/);
  expect((await page.locator('pre').innerText()).match(/line 29/g)).toHaveLength(1);
  await journal.end();
  await page.getByText('The session is over').waitFor();

  await page.getByRole('link', { name: 'History' }).click();
  await page.getByLabel('How it ended').selectOption('stopped by an administrator');
  await page.getByRole('button', { name: 'Search' }).click();
  expect(new URL(page.url()).searchParams.get('end')).toBe('admin');
  expect(await page.getByRole('row').count()).toBe(2);
  await page.getByRole('link', { name: stopped }).waitFor();

  await page.getByRole('link', { name: 'API tokens' }).click();
  await page.getByLabel('Name').fill('a program');
  await page.getByLabel('export sessions').check();
  await page.getByRole('button', { name: 'Make the token' }).click();
  expect(await page.locator('#token').innerText()).toMatch(/^smgr_/);
  page.on('dialog', dialog => dialog.accept());
  await page.getByRole('button', { name: 'Withdraw a program' }).click();
  await page.getByText(/^withdrawn /).waitFor();
  await context.close();
});
