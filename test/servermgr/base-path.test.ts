import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture, supervisorCommand } from './support/manager.ts';
import { startReverseProxy } from './support/reverse-proxy.ts';
import { basic, hiddenFields, idIn, newVisitor, type Visitor } from './support/visitor.ts';

test('below a path, whatever pages lead to is below it: links, forms, files, redirects, streams, cookies', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_BASE_PATH: '/study/play/',
    SERVERMGR_SUPERVISOR: supervisorCommand('--unsaved'),
  });
  const { url } = await fixture.startManager();
  expect(new URL(url).pathname).toBe('/study/play');
  await using proxy = await startReverseProxy(Number(new URL(url).port), '/study/play');
  const cookiePaths = new Set<string | undefined>();
  const visitor = newVisitor(proxy.url, { authorization: basic(ADMIN_TOKEN) });
  const seen = new Set<string>();

  /** Opens a page, and all that it leads to. */
  async function walk(path: string): Promise<void> {
    if (seen.has(path)) return;
    seen.add(path);
    const answer = await visitor.request(path, { signal: AbortSignal.timeout(20_000) });
    for (const cookie of answer.headers.getSetCookie()) cookiePaths.add(/Path=([^;]*)/.exec(cookie)?.[1]);
    const location = answer.headers.get('location');
    if (location !== null) await walk(location);
    const type = answer.headers.get('content-type') ?? '';
    if (!/^text\/(?:html|css)/.test(type)) return answer.body?.cancel();
    const links = linksOf(await answer.text());
    for (const link of links)
      await walk(new URL(link, new URL(path, proxy.url)).href.slice(proxy.url.length));
  }

  await walk('/study/play');
  const form = await pageForm(visitor, '/study/play/');
  const id = idIn(await visitor.post(form.action, { world: 'flat_world', ...form.fields }));
  const page = `/study/play/wait?q=${id}`;
  await walk(page);
  await walk('/study/play/nowhere');
  await walk('/study/play/wait');
  await walk('/study/play/clear');
  await eventually(async () => (await visitor.text(page)).includes('Your server is ready'));
  const stop = await pageForm(visitor, page);
  expect((await visitor.post(stop.action, stop.fields)).headers.get('location')).toBe(page);
  await eventually(async () => (await visitor.text('/study/play/admin')).includes('>Recover<'));
  await walk('/study/play/admin');
  const recover = await pageForm(visitor, '/study/play/admin');
  expect((await visitor.post(recover.action, recover.fields)).headers.get('location')).toBe(
    '/study/play/admin',
  );
  const archive = await eventually(async () =>
    linksOf(await visitor.text('/study/play/admin')).find(link => link.includes('/archive?')),
  );
  await visitor.request(archive ?? '');
  const clear = await pageForm(visitor, '/study/play/clear');
  const cleared = await visitor.post(clear.action, clear.fields);
  expect(cleared.headers.get('location')).toBe('/study/play/');
  expect([...visitor.cookies.keys()]).toEqual([]);

  expect(proxy.strays).toEqual([]);
  expect([...cookiePaths]).toEqual(['/study/play']);
  const kinds = ['servermgr.css', 'servermgr.js', 'icon.svg', 'events?q='];
  for (const kind of kinds) expect([...seen].some(path => path.includes(kind))).toBe(true);
});

test('beside the path there is nothing', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_BASE_PATH: '/play' });
  const { origin } = new URL((await fixture.startManager()).url);
  for (const path of ['/', '/admin', '/health', '/playground', '/assets/servermgr.css', '/play/play'])
    expect((await newVisitor(origin).request(path)).status, path).toBe(404);
  expect((await newVisitor(origin).request('/play/health')).status).toBe(200);
});

/** Where a page's elements lead on this host. */
function linksOf(page: string): string[] {
  const found = page.matchAll(/(?: (?:href|src|action|data-events|formaction|poster)=|\burl\()"([^"]*)"/g);
  return [...found]
    .map(([, link = '']) => link.replaceAll('&amp;', '&'))
    .filter(link => link !== '' && !/^(?:#|http:)/.test(link));
}

/** The first form of a page. */
async function pageForm(visitor: Visitor, path: string) {
  const page = await visitor.text(path);
  const form = /<form[\s\S]*?<\/form>/.exec(page)?.[0] ?? '';
  return { action: /action="([^"]*)"/.exec(form)?.[1] ?? '', fields: hiddenFields(form) };
}
