/** @module-tag slow */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startFramedSite } from './support/framed-site.ts';
import { type HttpsSite, resolverRules } from './support/https-site.ts';
import { startMturkSites } from './support/mturk-sites.ts';

/*
 * What a page in MTurk's frame can do, in Debian's Chromium: a page of a few lines, so that it is the browser that is
 * looked at. Its contexts block third-party cookies, as Safari does.
 */

const WORKER = 'https://worker.mturk.test';
const MAIN = 'https://www.mturk.test';
const hit = { hit: 'H1', worker: 'W1', assignment: 'A1' };
const policy = (formAction: string, frameAncestors = WORKER) =>
  `default-src 'none'; form-action ${formAction}; frame-ancestors ${frameAncestors}`;

/** A browser that finds these sites. @param content settings of its profile: what sites may do */
async function openBrowser(sites: readonly HttpsSite[], content: Readonly<Record<string, number>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'chromium-'));
  await mkdir(join(folder, 'Default'));
  const preferences = { profile: { cookie_controls_mode: 1, default_content_setting_values: content } };
  await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  const context: BrowserContext = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    ignoreHTTPSErrors: true,
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      resolverRules(...sites),
    ],
  });
  const page = await context.newPage();
  return {
    page,
    frame: page.frameLocator('iframe'),
    async [Symbol.asyncDispose]() {
      await context.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

test.each([undefined, 'allow-forms', ''])(
  'cookies are off in the frame, but for partitioned ones (sandbox: %j)',
  async sandbox => {
    await using mturk = await startMturkSites(sandbox === undefined ? {} : { sandbox });
    await using study = await startFramedSite('study.test', policy("'self'"));
    await using browser = await openBrowser([mturk.worker, mturk.main, study]);
    await browser.page.goto(mturk.hitUrl({ ...hit, externalUrl: `${study.origin}/cookies` }));
    expect(await browser.frame.locator('h1').textContent()).toBe('Cookies: partitioned');
    // It is the frame: on its own the page has them all, and none of those is there in the frame afterwards.
    await browser.page.goto(`${study.origin}/cookies`);
    expect(await browser.page.locator('h1').textContent()).toBe('Cookies: lax none partitioned');
    await browser.page.goto(mturk.hitUrl({ ...hit, externalUrl: `${study.origin}/cookies/back` }));
    expect(await browser.frame.locator('h1').textContent()).toBe('Cookies: partitioned');
  },
);

test('where somebody has turned cookies off there are none at all', async () => {
  await using mturk = await startMturkSites();
  await using study = await startFramedSite('study.test', policy("'self'"));
  await using browser = await openBrowser([mturk.worker, mturk.main, study], { cookies: 2 });
  await browser.page.goto(mturk.hitUrl({ ...hit, externalUrl: `${study.origin}/cookies` }));
  expect(await browser.frame.locator('h1').textContent()).toBe('Cookies: none');
});

test('a result is handed in, and MTurk says so, when form-action has the worker site as well: it applies to the redirect', async () => {
  await using mturk = await startMturkSites();
  await using right = await startFramedSite('right.test', policy(`${MAIN} ${WORKER}`));
  await using narrow = await startFramedSite('narrow.test', policy(MAIN));
  await using own = await startFramedSite('own.test', policy("'self'"));
  await using strange = await startFramedSite('strange.test', policy(MAIN, MAIN));
  await using browser = await openBrowser([mturk.worker, mturk.main, right, narrow, own, strange]);
  const { page, frame } = browser;
  const refusals: string[] = [];
  page.on('console', message => {
    const directive = /(form-action|frame-ancestors) [^"]*/.exec(message.text())?.[0];
    if (directive !== undefined) refusals.push(directive);
  });
  const open = (site: HttpsSite) => page.goto(mturk.hitUrl({ ...hit, externalUrl: `${site.origin}/study` }));
  const submit = () => frame.getByRole('button', { name: 'Submit' }).click();
  const result = { assignmentId: 'A1', code: 'CODE' };

  await open(right);
  await submit();
  await frame.getByRole('heading', { name: 'The HIT was submitted' }).waitFor();
  expect(mturk.results).toEqual([result]);
  expect(refusals).toEqual([]);

  // MTurk has the result, and whoever sent it sees nothing happen.
  await open(narrow);
  await submit();
  await eventually(() => refusals.length === 1);
  expect(refusals).toEqual([`form-action ${MAIN}`]);
  expect(mturk.results).toEqual([result, result]);
  expect(await frame.getByRole('button', { name: 'Submit' }).count()).toBe(1);

  await open(own);
  await submit();
  await eventually(() => refusals.length === 2);
  expect(refusals[1]).toBe("form-action 'self'");

  // frame-ancestors needs the worker site; of the main site nothing is a parent.
  await open(strange);
  await eventually(() => refusals.length === 3);
  expect(refusals[2]).toBe(`frame-ancestors ${MAIN}`);
  expect(mturk.results).toHaveLength(2);
});

test('without allow-forms a frame hands nothing in', async () => {
  await using mturk = await startMturkSites({ sandbox: 'allow-scripts allow-same-origin' });
  await using study = await startFramedSite('study.test', policy(`${MAIN} ${WORKER}`));
  await using browser = await openBrowser([mturk.worker, mturk.main, study]);
  const refused = browser.page.waitForEvent('console', message => message.text().includes("'allow-forms'"));
  await browser.page.goto(mturk.hitUrl({ ...hit, externalUrl: `${study.origin}/study` }));
  await browser.frame.getByRole('button', { name: 'Submit' }).click();
  await refused;
  expect(mturk.results).toEqual([]);
});
