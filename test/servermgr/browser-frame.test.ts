/**
 * @module-tag slow
 * @module-tag alone
 */

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openPage, useBrowser } from './support/browser.ts';
import { createManagerFixture, type ManagerFixture } from './support/manager.ts';
import { servePage } from './support/page-server.ts';
import { startReverseProxy } from './support/reverse-proxy.ts';
import { idIn, newVisitor } from './support/visitor.ts';

useBrowser();

test.concurrent('in a sandboxed frame, whose streams are refused, the page goes on to the end by reloading itself', async () => {
  await using fixture = await createManagerFixture();
  await using framed = await openFramed(fixture);
  const { frame, page, id } = framed;
  expect(await frame.evaluate('self.origin')).toBe('null');
  await frame.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  await fixture.endSession(id);
  await frame.getByRole('heading', { name: 'Your session is over' }).waitFor();
  expect(framed.thrown).toEqual([]);
  expect(await page.getByText('The page around it').isVisible()).toBe(true);
});

test.concurrent('in a sandboxed frame a press of the button says what to do, and a second one ends the session', async () => {
  await using fixture = await createManagerFixture();
  await using framed = await openFramed(fixture);
  const { frame, page } = framed;
  const sent: string[] = [];
  page.on('request', request => request.method() === 'POST' && sent.push(new URL(request.url()).pathname));
  const again = frame.getByRole('button', { name: 'Press again to end it.' });
  // The page is loaded anew now and then, as its stream is refused here.
  await eventually(async () => {
    await frame
      .getByRole('button', { name: 'End my session' })
      .click({ timeout: 2_000 })
      .catch(() => undefined);
    return again.isVisible();
  });
  expect(sent).toEqual([]);
  await again.click();
  await eventually(() => sent.length === 1);
  expect(sent).toEqual(['/stop']);
  expect(framed.thrown).toEqual([]);
});

// One after the other: they share the clipboard.
test.each([
  { what: 'copied with the permission', isAllowed: true, canCopy: true },
  { what: 'copied without it', isAllowed: false, canCopy: true },
  { what: 'selected where copying is refused', isAllowed: false, canCopy: false },
  { what: 'selected where copying is refused all the same', isAllowed: true, canCopy: false },
])('in a sandboxed frame the address is $what, and the page says so', async ({ isAllowed, canCopy }) => {
  await using fixture = await createManagerFixture();
  const permissions = isAllowed ? ['clipboard-read', 'clipboard-write'] : [];
  await using framed = await openFramed(fixture, permissions, canCopy);
  const { frame, page } = framed;
  await frame.getByRole('button', { name: 'Copy' }).click();
  await frame.getByText(canCopy ? 'Copied' : 'Selected: press Ctrl+C').waitFor();
  const address = await frame.getByLabel('Address').textContent();
  expect(await frame.evaluate('String(getSelection())')).toBe(address);
  await page.context().grantPermissions(['clipboard-read']);
  const copied = await page.evaluate('navigator.clipboard.readText()');
  if (canCopy) expect(copied).toBe(address);
  else expect(copied).not.toBe(address);
  expect(framed.thrown).toEqual([]);
});

/** A session of a visitor's, its page in a frame of another page's, which is as strict with it as can be. */
async function openFramed(fixture: ManagerFixture, permissions: string[] = [], canCopy = true) {
  const manager = await fixture.startManager();
  const proxy = await startReverseProxy(Number(new URL(manager.url).port), '', lettingBeFramed);
  const visitor = newVisitor(proxy.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const around = await servePage(0, aroundFrame(`${proxy.url}/wait?q=${id}`));
  const visit = await openPage('about:blank', { permissions });
  const { page } = visit;
  if (!canCopy) await page.addInitScript('document.execCommand = () => false');
  const cookies = [...visitor.cookies].map(([name, value]) => ({ name, value, url: proxy.url }));
  await page.context().addCookies(cookies);
  const thrown: string[] = [];
  page.on('pageerror', error => thrown.push(error.message));
  await page.goto(`http://127.0.0.1:${(around.address() as AddressInfo).port}/`);
  const frame = page.frames()[1];
  if (frame === undefined) throw new Error('there is no frame');
  await frame.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  return {
    ...{ page, frame, id, thrown },
    async [Symbol.asyncDispose]() {
      await visit[Symbol.asyncDispose]();
      around.closeAllConnections();
      around.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Without allow-same-origin: the origin of what is in it is `null`. */
function aroundFrame(url: string): string {
  return `<!doctype html><p>The page around it</p>
<iframe sandbox="allow-scripts allow-forms" width="600" height="700" src="${url}"></iframe>`;
}

/** The visitors' own pages say that nobody may frame them. */
function lettingBeFramed({ 'x-frame-options': _, ...headers }: IncomingHttpHeaders): OutgoingHttpHeaders {
  const policy = String(headers['content-security-policy'] ?? '');
  return {
    ...headers,
    ...(policy !== '' && {
      'content-security-policy': policy.replace("frame-ancestors 'none'", 'frame-ancestors *'),
    }),
  };
}
