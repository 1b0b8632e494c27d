/** @module-tag slow */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture, supervisorCommand } from './support/manager.ts';
import { basic, hiddenFields, idIn, newVisitor, type Visitor } from './support/visitor.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };

test.concurrent('a session’s page tells what has happened, by whom, and shows the notes on it', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const visitor = newVisitor(url);
  const admin = newVisitor(url, asAdmin);
  const id = idIn(await visitor.launch());
  const name = nameOf(id) ?? '';
  await eventually(async () => (await visitor.status(id)).progress === 100);
  // It is written down a moment after it was seen.
  await eventually(async () => eventsIn(await admin.text(pageOf(name))).includes('ready'));
  const running = await admin.text(pageOf(name));
  expect(eventsIn(running)).toEqual(
    expect.arrayContaining(['requested', 'confirmed by the launcher', 'its address is known', 'ready']),
  );
  expect(running).toContain('launch requested by visitor ');
  expect(running).toContain(`/admin/log?name=${encodeURIComponent(name)}`);
  expect(running).not.toContain(id);

  const text = '  Two lines,\r\n<b>and</b> a bell\u0007 ';
  const fields = hiddenFields(await admin.text(`/admin/note?name=${encodeURIComponent(name)}`));
  const kept = await admin.post('/admin/note', { ...fields, text });
  expect(kept.headers.get('location')).toBe(pageOf(name));
  expect((await admin.post('/admin/note', { ...fields, text: '€'.repeat(2_000) })).status).toBe(303);
  const long = await admin.post('/admin/note', { ...fields, text: 'x'.repeat(2_001) });
  expect(long.status).toBe(400);
  expect(await long.text()).toContain('x'.repeat(2_001));
  expect((await admin.post('/admin/note', { ...fields, text: ' \n ' })).status).toBe(400);
  expect((await admin.post('/admin/note', { ...fields, _csrf: '' })).status).toBe(403);
  expect((await visitor.post('/admin/note', { ...fields, text: 'x' })).status).toBe(401);
  const noted = await admin.text(pageOf(name));
  expect(noted).toContain('<p class="text">Two lines,\n&lt;b&gt;and&lt;/b&gt; a bell</p>');
  expect(noted.match(/class="note"/g)).toHaveLength(2);
  expect(noted).toContain('admin at 127.0.0.1');
  expect(await admin.text('/admin/history?note=BELL')).toContain(encodeURIComponent(name));

  const stopped = await admin.post('/admin/stop', hiddenFields(noted));
  expect(stopped.headers.get('location')).toBe(pageOf(name));
  const over = await eventually(async () => {
    const page = await admin.text(pageOf(name));
    return page.includes('>Archive</a>') ? page : undefined;
  });
  expect(eventsIn(over ?? '')).toEqual(
    expect.arrayContaining([
      'stop requested by admin at 127.0.0.1 (stopped by an administrator)',
      'ended: stopped by an administrator',
    ]),
  );
  for (const path of ['/admin/session', '/admin/session?name=x', pageOf(name.replace(/.$/, 'x'))])
    expect((await admin.request(path)).status).toBe(404);
});

test.concurrent('what is found at the destination alone has a page as well, and takes no notes', async () => {
  await using fixture = await createManagerFixture();
  const name = '2026-01-02T03:04:05.678Z-0123abcd';
  const folder = join(fixture.destination, '.sessions', name);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'session.json'),
    JSON.stringify({ end: { by: 'signal', text: 'SIGTERM was received' }, saved: 'archive', exitCode: 0 }),
  );
  const { url } = await fixture.startManager();
  const admin = newVisitor(url, asAdmin);
  const page = await admin.text(pageOf(name));
  expect(page).toContain('SIGTERM was received');
  expect(page).not.toContain('Add a note');
  const fields = hiddenFields(await admin.text(`/admin/note?name=${encodeURIComponent(name)}`));
  expect((await admin.post('/admin/note', { ...fields, text: 'x' })).status).toBe(404);
});

test.concurrent('a recovery is shown while it goes on, and until its archive is there', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--unsaved') });
  const { url } = await fixture.startManager();
  const admin = newVisitor(url, asAdmin);
  const name = await leaveJournal(url, fixture);
  const page = await eventually(async () => {
    const text = await admin.text(pageOf(name));
    return text.includes('>Recover<') ? text : undefined;
  });
  expect(page).not.toContain('id="recovery"');
  const pressed = await admin.post('/admin/recover', hiddenFields(page ?? ''));
  expect(pressed.headers.get('location')).toBe(pageOf(name));
  const done = await eventually(async () => {
    const text = await admin.text(pageOf(name));
    return text.includes('>Archive</a>') ? text : undefined;
  });
  expect(done).not.toContain('id="recovery"');
  expect(done).not.toContain('>Recover<');
  expect(done).toContain('recovery requested by admin at 127.0.0.1');
});

test.concurrent('a recovery that fails says so, in its own words, and can be started again', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--unsaved') });
  const { url } = await fixture.startManager();
  const admin = newVisitor(url, asAdmin);
  const name = await leaveJournal(url, fixture);
  const gate = join(fixture.destination, '.sessions', name, 'recovery-gate');
  await eventually(async () => (await admin.text(pageOf(name))).includes('>Recover<'));
  await writeFile(gate, 'wait');
  await admin.post('/admin/recover', hiddenFields(await admin.text(pageOf(name))));
  const working = await eventually(async () => {
    const text = await admin.text(pageOf(name));
    return text.includes('42 % are uploaded') ? text : undefined;
  });
  expect(working).toContain('It is being recovered');
  expect(working).not.toContain('>Recover<');
  await writeFile(gate, 'fail');
  const failed = await eventually(async () => {
    const text = await admin.text(pageOf(name));
    return text.includes('Its recovery has failed') ? text : undefined;
  });
  expect(failed).toContain('It has ended, and has made no archive.');
  expect(failed).toContain('Its last words: the disk &lt;full&gt; is full');
  expect(failed).toContain('>Recover<');
  await writeFile(gate, 'go');
  await admin.post('/admin/recover', hiddenFields(failed ?? ''));
  await eventually(() => readFile(join(fixture.destination, name, 'recovered')));
  await eventually(async () => (await admin.text(pageOf(name))).includes('>Archive</a>'));
});

/** A session that ends with a journal and without an archive. @returns its name */
async function leaveJournal(
  url: string,
  fixture: Awaited<ReturnType<typeof createManagerFixture>>,
): Promise<string> {
  const visitor: Visitor = newVisitor(url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  await fixture.endSession(id);
  return nameOf(id) ?? '';
}

function pageOf(name: string): string {
  return `/admin/session?name=${encodeURIComponent(name)}`;
}

function eventsIn(page: string): string[] {
  return [...page.matchAll(/<\/time> ([^<]*)<\/li>/g)].map(([, text = '']) => text);
}
