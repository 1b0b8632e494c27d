/** @module-tag slow */

import { expect, test } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture } from './support/manager.ts';
import { basic, hiddenFields, idIn, newVisitor } from './support/visitor.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };

test.concurrent('all that ran when the page asked are stopped, and what was launched since goes on', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const admin = newVisitor(url, asAdmin);
  expect(await admin.text('/admin')).not.toContain('/admin/stop-all');
  const [one, two, late] = [newVisitor(url), newVisitor(url), newVisitor(url)];
  const ids = [idIn(await one.launch()), idIn(await two.launch())];
  for (const id of ids) await eventually(async () => (await one.status(id)).progress === 100);
  expect(await admin.text('/admin')).toContain('href="/admin/stop-all"');
  const page = await admin.text('/admin/stop-all');
  expect(page).toContain('2 sessions run, and 0 people are in the game');
  expect(page).toContain('is not stopped, and launching is not prevented');
  const lateId = idIn(await late.launch());

  const fields = hiddenFields(page);
  expect((await admin.post('/admin/stop-all', { ...fields, _csrf: '' })).status).toBe(403);
  expect((await admin.post('/admin/stop-all', { ...fields, until: 'now' })).status).toBe(400);
  expect((await late.post('/admin/stop-all', fields)).status).toBe(401);
  // Pressed twice.
  const pressed = await Promise.all([1, 2].map(() => admin.post('/admin/stop-all', fields)));
  expect(pressed.map(({ status }) => status)).toEqual([303, 303]);
  for (const id of ids)
    await eventually(async () => (await one.text(`/wait?q=${id}`)).includes('Stopped by an administrator.'));
  await eventually(async () => (await late.status(lateId)).progress === 100);
  for (const id of ids) {
    const about = await admin.text(`/admin/session?name=${encodeURIComponent(nameOf(id) ?? '')}`);
    expect(about.match(/stop requested by admin at 127\.0\.0\.1/g)).toHaveLength(1);
  }
  expect(await admin.text('/admin/stop-all')).toContain('1 session runs');
});
