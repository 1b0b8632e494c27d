import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { ADMIN_TOKEN, createManagerFixture } from './support/manager.ts';
import { basic, idIn, newVisitor, startFields } from './support/visitor.ts';
import { startWebApp } from './support/web-app.ts';

test('a forged, cut or foreign visitor cookie is nobody’s, and starts nothing', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const id = idIn(await visitor.launch());
  const real = visitor.cookies.get('visitor') ?? '';
  const [value = '', signature = ''] = real.split('.');
  const forgeries = [
    value,
    `${value}.`,
    `${value}.${'A'.repeat(43)}`,
    `${'x'.repeat(22)}.${signature}`,
    '.',
    '%00',
  ];
  for (const forgery of forgeries) {
    const forger = newVisitor(url);
    const fields = await startFields(forger);
    forger.cookies.set('visitor', forgery);
    expect((await forger.post('/launch', fields)).status, forgery).toBe(403);
    expect(await forger.text('/'), forgery).not.toContain(id);
  }
  expect(await fixture.startedCount()).toBe(1);
});

test('cookies are signed, out of scripts’ reach, and not sent along by other sites', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_TRUSTED_PROXIES: '1' });
  const { url } = await fixture.startManager();
  const plain = (await fetch(url)).headers.getSetCookie();
  expect(plain).toHaveLength(2);
  for (const cookie of plain) {
    expect(cookie).toMatch(/^\w+=[\w-]+\.[\w%+/-]+;.*HttpOnly; SameSite=Lax$/);
    expect(cookie).not.toContain('Secure');
  }
  const secure = (await fetch(url, { headers: { 'x-forwarded-proto': 'https' } })).headers.getSetCookie();
  for (const cookie of secure) expect(cookie).toContain('Secure');
});

test('a form without its token, with another visitor’s, or as JSON, starts nothing', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const fields = await startFields(visitor);
  const { _csrf: _, ...without } = fields;
  const other = await startFields(newVisitor(url));
  expect((await visitor.post('/launch', without)).status).toBe(403);
  expect((await visitor.post('/launch', { ...fields, _csrf: other._csrf ?? '' })).status).toBe(403);
  expect((await visitor.post('/launch', { ...fields, _csrf: '' })).status).toBe(403);
  // A page elsewhere can send a form, but neither the cookies (SameSite) nor what it cannot read.
  expect((await newVisitor(url).post('/launch', fields)).status).toBe(403);
  const json = await visitor.request('/launch', {
    method: 'POST',
    body: JSON.stringify({ ...without, _csrf: { length: 1 } }),
    headers: { 'content-type': 'application/json' },
  });
  expect(json.status).toBe(403);
  const twice = await visitor.request('/launch', {
    method: 'POST',
    body: `_csrf=${fields._csrf}&_csrf=${fields._csrf}&press=${fields.press}&world=flat_world`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(twice.status).toBe(403);
  expect(await fixture.startedCount()).toBe(0);
});

test('the launch request of another visitor does not count as mine', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const [one, two] = [newVisitor(url), newVisitor(url)];
  const fields = await startFields(one);
  const id = idIn(await one.post('/launch', fields));
  const copied = { ...(await startFields(two)), press: fields.press ?? '' };
  expect(idIn(await two.post('/launch', copied))).not.toBe(id);
});

test('an admin token that is guessed at speed is soon refused, the right one included', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_TRUSTED_PROXIES: '1' });
  const { url } = await fixture.startManager();
  const statusOf = async (password: string, address: string) => {
    const visitor = newVisitor(url, { authorization: basic(password), 'x-forwarded-for': address });
    return (await visitor.request('/admin')).status;
  };
  const guesses = await Promise.all(
    Array.from({ length: 200 }, (_, index) => statusOf(`guess-${index}`, '10.0.0.1')),
  );
  expect(guesses.filter(status => status === 401)).toHaveLength(10);
  expect(guesses.filter(status => status === 429)).toHaveLength(190);
  expect(await statusOf(ADMIN_TOKEN, '10.0.0.1')).toBe(429);
  // An address is a whole network in IPv6: its host part is the guesser's to choose.
  for (let index = 0; index < 12; index += 1) await statusOf(`guess-${index}`, `2001:db8:1:2::${index + 1}`);
  expect(await statusOf('guess', '2001:db8:1:2:ffff::1')).toBe(429);
  // The people who run the study are elsewhere, and stay in.
  expect(await statusOf(ADMIN_TOKEN, '10.0.0.2')).toBe(200);
});

test('an address has only so many launch requests, however many cookies it throws away', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_PRESSES: '5', SERVERMGR_FLEET_LIMIT: '0' });
  const { url } = await fixture.startManager();
  const statuses: number[] = [];
  for (let index = 0; index < 7; index += 1) statuses.push((await newVisitor(url).launch()).status);
  expect(statuses).toEqual([503, 503, 503, 503, 503, 429, 429]);
});

test('X-Forwarded-For is believed only as far as there are proxies of ours', async () => {
  await using none = await createManagerFixture({ SERVERMGR_PRESSES: '2', SERVERMGR_FLEET_LIMIT: '0' });
  const direct = (await none.startManager()).url;
  const claims = async (url: string, header: (index: number) => string) => {
    const statuses: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      statuses.push((await newVisitor(url, { 'x-forwarded-for': header(index) }).launch()).status);
    }
    return statuses;
  };
  expect(await claims(direct, index => `10.0.0.${index}`)).toEqual([503, 503, 429]);
  await using one = await createManagerFixture({
    ...{ SERVERMGR_PRESSES: '2', SERVERMGR_FLEET_LIMIT: '0', SERVERMGR_TRUSTED_PROXIES: '1' },
  });
  const proxied = (await one.startManager()).url;
  // The proxy adds the last address; whatever stands before it came from the visitor.
  expect(await claims(proxied, index => `10.0.0.${index}, 10.9.9.9`)).toEqual([503, 503, 429]);
  // Neither a port behind the address nor another address of the same household is somebody else.
  expect(await claims(proxied, index => `10.8.8.8:${40_000 + index}`)).toEqual([503, 503, 429]);
  expect(await claims(proxied, index => `2001:db8:0:7::${index}`)).toEqual([503, 503, 429]);
});

test('a Host header leads nobody elsewhere', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const head = 'GET /wait HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example';
  const answer = await rawRequest(url, head);
  expect(answer).toMatch(/^location: \/\r?$/m);
  expect(answer).not.toContain('evil');
});

test('paths lead nowhere but to pages', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const paths = [
    '/assets/../main.ts',
    '/assets/..%2f..%2fmain.ts',
    '/assets/%2e%2e/app.ts',
    '/assets/servermgr.css%00.js',
    '//evil.example/assets',
    '/ADMIN',
    '/admin//',
    '/launch/../admin',
    '/%61dmin',
    '/__proto__',
    '/wait/../../etc/passwd',
  ];
  for (const path of paths) {
    const answer = await rawRequest(url, `GET ${path} HTTP/1.1\r\nHost: x`);
    expect(answer, path).toMatch(/^HTTP\/1\.1 (400|401|404|405) /);
    expect(answer, path).not.toContain('import ');
  }
});

test('an id that is none of ours is not found, whatever it looks like', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const ids = [
    '../../etc/passwd',
    '<script>',
    'mwrrdl8c-hNsfdmM94eT0f_G6PRP77Q',
    'zzzzzzzzzz-hNsfdmM94eT0f_G6PRP77Q',
    'a'.repeat(5_000),
    '%00',
  ];
  for (const id of ids) {
    for (const path of ['/wait', '/events', '/status']) {
      const answer = await visitor.request(`${path}?q=${encodeURIComponent(id)}`);
      expect(answer.status, `${path} ${id.slice(0, 40)}`).toBe(404);
      expect(await answer.text()).not.toContain('<script>');
    }
  }
  expect((await visitor.request('/wait?q=a&q=b')).headers.get('location')).toBe('/');
});

test('a GET, of whatever address, launches, stops and recovers nothing', async () => {
  // Its fleet fails whoever asks it for anything but its sessions.
  await using app = await startWebApp({});
  const admin = newVisitor(app.url, { authorization: `Bearer ${ADMIN_TOKEN}` });
  const paths = [
    ...['/', '/launch', '/launch/flat_world', '/wait', '/wait?q=x&not-started=flat_world', '/events?q=x'],
    ...['/status?q=x', '/stop?session=x', '/clear', '/health', '/ready', '/assets/servermgr.js'],
    ...['/admin', '/admin/stop?session=x', '/admin/recover?session=x', '/admin/archive?session=x'],
    ...['/api/sessions', '/api/sessions?world=flat_world', '/api/sessions/x', '/api/openapi.json'],
  ];
  for (const path of paths) {
    for (const method of ['GET', 'HEAD'])
      expect((await admin.request(path, { method })).status, `${method} ${path}`).toBeLessThan(500);
  }
  expect(app.lines().filter(({ event }) => event === 'request_failed')).toEqual([]);
});

test('what is too large, or no form, is refused', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const fields = await startFields(visitor);
  expect((await visitor.post('/launch', { ...fields, world: 'x'.repeat(20_000) })).status).toBe(413);
  const xml = await visitor.request('/launch', {
    method: 'POST',
    body: '<launch/>',
    headers: { 'content-type': 'application/xml' },
  });
  expect(xml.status).toBe(415);
  const poison = await visitor.request('/launch', {
    method: 'POST',
    body: '{"__proto__":{"_csrf":"x"}}',
    headers: { 'content-type': 'application/json' },
  });
  expect(poison.status).toBe(400);
});

test('every page takes scripts and styles from itself alone, and goes into nobody’s frame', async () => {
  await using fixture = await createManagerFixture();
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  for (const path of ['/', `/wait?q=${id}`, '/nowhere', '/launch', '/assets/servermgr.js']) {
    const answer = await visitor.request(path);
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    // The address of a waiting page is a secret, and goes to no other site.
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(await answer.text()).not.toMatch(/<script>|<style|style="|onclick/);
  }
  expect((await visitor.request(`/wait?q=${id}`)).headers.get('cache-control')).toBe('no-store');
});

/** Exactly these lines, which no HTTP client would send. */
async function rawRequest(url: string, head: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  let answer = '';
  socket.on('data', text => {
    answer += text;
  });
  await once(socket, 'close');
  return answer;
}
