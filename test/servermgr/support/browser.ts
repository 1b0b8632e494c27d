import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ADMIN_TOKEN } from './manager.ts';

/*
 * A real browser, Debian's Chromium (scripts/install-chromium.sh). SERVERMGR_SCREENSHOTS=docs/images renews the
 * pictures of the documentation.
 */
let browser: Browser;

const PATIENCE_MS = 90_000;

/** Starts it for the tests of a file, each of which has to call this: workers keep modules, and run them once. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch({
      timeout: PATIENCE_MS,
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
  });

  afterAll(() => browser.close());
}

export const asAdmin = { httpCredentials: { username: 'study', password: ADMIN_TOKEN } };

/** As SERVERMGR_WORLDS takes them. */
export const WORLDS = JSON.stringify([
  { id: 'flat', title: 'Flat world', text: 'Nothing but grass: room to build, and nothing in the way.' },
  { id: 'diverse', title: 'Diverse world', text: 'Hills, trees and water: a landscape to explore together.' },
]);

/** Opens a page in a browser of its own. `faults` is what its scripts throw, and what its console shows as errors. */
export async function openPage(url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: { width: 1_000, height: 720 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(error.message));
  page.on('console', message => message.type() === 'error' && faults.push(message.text()));
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** Waits until the page shows a text, whatever white space there is in it. */
export async function expectText(page: Page, text: string | RegExp): Promise<void> {
  await eventually(async () => {
    const shown = (await page.locator('main').innerText()).replaceAll(/\s+/g, ' ');
    if (typeof text === 'string' ? !shown.includes(text) : !text.test(shown))
      throw new Error(`it shows: ${shown}`);
    return true;
  });
}

/** Renews a picture of the documentation, if that is asked for. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.SERVERMGR_SCREENSHOTS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.png`), await page.screenshot({ fullPage: true }));
}
