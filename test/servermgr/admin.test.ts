import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { nameOf, newId } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { startS3Server } from '../support/s3-server.ts';
import { ADMIN_TOKEN, createManagerFixture, environmentIn, supervisorCommand } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { basic, hiddenFields, idIn, newVisitor } from './support/visitor.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };

test.concurrent('/admin is not there when no token is set', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_ADMIN_TOKEN: '' });
  const { url } = await fixture.startManager();
  for (const path of ['/admin', '/admin/', '/admin/archive']) {
    expect((await newVisitor(url, asAdmin).request(path)).status).toBe(404);
  }
});

test.concurrent('/admin takes the token as a password or as a bearer token, and nothing else', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const statusWith = async (authorization: string) =>
    (await newVisitor(url, { authorization }).request('/admin')).status;
  expect(await statusWith(basic(ADMIN_TOKEN))).toBe(200);
  expect(await statusWith(`Bearer ${ADMIN_TOKEN}`)).toBe(200);
  expect(await statusWith(basic(`${ADMIN_TOKEN}x`))).toBe(401);
  expect(await statusWith(`Bearer ${ADMIN_TOKEN.slice(1)}`)).toBe(401);
  expect(await statusWith('Basic !!!')).toBe(401);
  const nobody = await newVisitor(url).request('/admin');
  expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([
    401,
    'Basic realm="Craftassist fleet", charset="UTF-8"',
  ]);
});

test.concurrent('a session is shown as it runs, stopped by its button, and shown as it ended, with its archive', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const admin = newVisitor(url, asAdmin);
  const id = idIn(await visitor.launch());
  const name = nameOf(id) ?? '';
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const page = await admin.text('/admin');
  expect(page).toContain(`<code>${name}</code>`);
  expect(page).toContain('1 of 4');
  expect(page).toContain('class="state ready">ready<');
  expect(page).not.toContain(id);

  expect((await admin.post('/admin/stop', { session: name })).status).toBe(403);
  expect((await admin.post('/admin/stop', hiddenFields(page))).status).toBe(303);
  const after = await eventually(async () => {
    const text = await admin.text('/admin');
    return text.includes('stopped by an administrator') ? text : undefined;
  });
  expect(after).toContain('10 B');
  expect(await visitor.text(`/wait?q=${id}`)).toContain('Stopped by an administrator.');

  const archive = await admin.request(`/admin/archive?session=${encodeURIComponent(name)}`);
  expect(archive.status).toBe(200);
  expect(archive.headers.get('content-disposition')).toBe(
    `attachment; filename="${name.replaceAll(':', '-')}-logs.tar.gz"`,
  );
  expect(await archive.text()).toBe('an archive');
  expect((await visitor.request(`/admin/archive?session=${encodeURIComponent(name)}`)).status).toBe(401);
});

test.concurrent('a session that left a journal and no archive is offered for recovery', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_SUPERVISOR: supervisorCommand('--unsaved'),
    SESSION_S3_PATH_STYLE: '1',
  });
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const admin = newVisitor(url, asAdmin);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const running = hiddenFields(await admin.text('/admin'));
  expect((await admin.post('/admin/recover', running)).status).toBe(409);
  await fixture.endSession(id);
  const page = await eventually(async () => {
    const text = await admin.text('/admin');
    return text.includes('>Recover<') ? text : undefined;
  });
  expect((await admin.post('/admin/recover', hiddenFields(page ?? ''))).status).toBe(303);
  // The manager knows that it has ended, and so need not wait until the journal has been silent for long.
  const recovered = join(fixture.destination, nameOf(id) ?? '', 'recovered');
  expect(await eventually(() => readFile(recovered, 'utf8'))).toBe('by force');
  const env = await environmentIn(dirname(recovered));
  expect(env).toMatchObject({ SESSION_S3_PATH_STYLE: '1' });
  // It plays nothing.
  expect(env).not.toHaveProperty('SESSION_DESTINATION');
  const after = await eventually(async () => {
    const text = await admin.text('/admin');
    return text.includes('has been recovered') ? text : undefined;
  });
  expect(after).toContain(`/admin/archive?session=${encodeURIComponent(nameOf(id) ?? '')}`);
  expect(after).not.toContain('>Recover<');
  expect(
    (await admin.post('/admin/recover', { ...hiddenFields(page ?? ''), session: '../../etc' })).status,
  ).toBe(404);
});

test.concurrent('an experiment’s session of an earlier version is shown, and recovered where its journal lies', async () => {
  await using fixture = await createManagerFixture();
  const name = nameOf(newId(Date.now())) ?? '';
  const folder = join(fixture.destination, 'turk', '4711', name);
  await mkdir(join(folder, 'journal'), { recursive: true });
  await writeFile(join(folder, 'journal', '00000001.tar.gz'), 'a segment');
  const { url } = await fixture.startManager();
  const admin = newVisitor(url, asAdmin);
  const page = await admin.text('/admin');
  expect(page).toContain(`<code>${name}</code>`);
  expect((await admin.post('/admin/recover', hiddenFields(page))).status).toBe(303);
  expect(await eventually(() => readFile(join(folder, 'recovered'), 'utf8'))).toBe('yes');
});

test.concurrent('what the launcher has forgotten, the destination remembers, for the admin and for the visitor', async () => {
  await using fixture = await createManagerFixture();
  const first = await fixture.startManager();
  const visitor = newVisitor(first.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await fixture.endSession(id);
  await eventually(async () => (await fixture.aliveCount()) === 0);
  await first.close();
  // Another machine, which has never heard of that session.
  const { url } = await fixture.startManager({ SERVERMGR_STATE: join(fixture.folder, 'elsewhere') });
  expect(await newVisitor(url).text(`/wait?q=${id}`)).toContain('Everybody had left.');
  expect(await newVisitor(url, asAdmin).text('/admin')).toContain(`<code>${nameOf(id)}</code>`);
});

test.concurrent('an archive in a bucket is handed out by a URL that is signed for ten minutes', {
  tags: ['slow'],
}, async () => {
  const s3 = await startS3Server();
  try {
    await using fixture = await createManagerFixture({
      SESSION_DESTINATION: 's3://bucket/sessions',
      SESSION_S3_PATH_STYLE: '1',
    });
    const aws = {
      ...{ AWS_ENDPOINT_URL_S3: s3.url, AWS_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'of', AWS_SECRET_ACCESS_KEY: 'tests' },
    };
    await using program = await startProgram({ ...fixture.env, ...aws }, fixture.folder);
    const id = idIn(await newVisitor(program.url).launch());
    const name = nameOf(id) ?? '';
    const report = {
      ...{ end: { by: 'everybody-left', text: 'everybody had left' }, saved: 'archive', exitCode: 0 },
      ...{ startedAt: new Date().toISOString(), endedAt: new Date().toISOString() },
      archive: { key: `${name}/logs.tar.gz`, bytes: 9 },
    };
    await put(s3.url, `sessions/.sessions/${name}/session.json`, JSON.stringify(report));
    await put(s3.url, `sessions/${name}/logs.tar.gz`, 'the bytes');
    const admin = newVisitor(program.url, asAdmin);
    const answer = await admin.request(`/admin/archive?session=${encodeURIComponent(name)}`);
    expect(answer.status).toBe(302);
    const url = new URL(answer.headers.get('location') ?? '');
    expect(url.searchParams.get('X-Amz-Expires')).toBe('600');
    expect(decodeURIComponent(url.pathname)).toBe(`/bucket/sessions/${name}/logs.tar.gz`);
    expect(await (await fetch(url)).text()).toBe('the bytes');
  } finally {
    await s3.close();
  }
});

async function put(url: string, key: string, body: string): Promise<void> {
  const answer = await fetch(`${url}/bucket/${key.split('/').map(encodeURIComponent).join('/')}`, {
    method: 'PUT',
    body,
  });
  expect(answer.status).toBe(200);
}
