import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { openScratch } from '../../src/cli/scratch.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openTestStore } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { startS3Server } from '../support/s3-server.ts';
import { piece, putSegments } from '../support/segments.ts';
import { test } from '../support/session-test.ts';

test('what a killed recovery left is removed by the next, and what anybody else has there is not', async ({
  fixture,
}) => {
  const { sessions, start } = fixture;
  const base = join(sessions, '../scratch');
  await mkdir(base);
  const living = await openScratch(base);
  onTestFinished(() => living.remove());
  const owner = JSON.parse(await readFile(join(living.path, 'owner.json'), 'utf8'));
  const hour = new Date(Date.now() - 3_600_000);
  const plant = async (name: string, content: string | undefined, changedAt = new Date()) => {
    await mkdir(join(base, name));
    await writeFile(join(base, name, 'large'), '');
    if (content === undefined) return;
    await writeFile(join(base, name, 'owner.json'), content);
    await utimes(join(base, name, 'owner.json'), changedAt, changedAt);
  };
  const elsewhere = JSON.stringify({ ...owner, pid: 2 ** 22 + 1, scope: 'another machine' });
  await plant('craftassist-recovery-killed', JSON.stringify({ ...owner, startTicks: 1 }));
  await plant('craftassist-recovery-vanished', elsewhere, hour);
  await plant('craftassist-recovery-elsewhere', elsewhere);
  await plant('craftassist-recovery-unsigned', undefined, hour);
  await plant('craftassist-recovery-garbled', '{', hour);
  await plant('others', JSON.stringify({ ...owner, startTicks: 1 }), hour);
  if (process.getuid?.() === 0) {
    await plant('craftassist-recovery-of-other-user', JSON.stringify({ ...owner, startTicks: 1 }));
    spawnSync('chown', ['nobody', join(base, 'craftassist-recovery-of-other-user')]);
  }
  const before = await readdir(base);
  await putSegments(openDirectoryStore(sessions), [{ pieces: [piece('a', 'A')] }], '.sessions/test/journal');
  const recovery = start({}, 'recover', '--force', '--scratch', base, `file://${sessions}/test`);
  expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
  const gone = ['craftassist-recovery-killed', 'craftassist-recovery-vanished'];
  expect(await readdir(base)).toEqual(before.filter(name => !gone.includes(name)));
  for (const name of gone) expect(recovery.stdout()).toContain(`${join(base, name)}: was left by`);
});

test('a recovery that is killed leaves what the next one finds', { tags: ['slow'] }, async ({ fixture }) => {
  const { workdir, start, killAll } = fixture;
  const base = join(workdir, '../scratch');
  await mkdir(base);
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  const store = await openTestStore(s3.url, { prefix: 'sessions' });
  await putSegments(store, [{ pieces: [piece('a', 'A')] }], '.sessions/test/journal');
  store.close();
  // The clock twice, the fence, then the plan.
  s3.setFaults([{ match: { operation: 'PutObject', from: (s3.counts.PutObject ?? 0) + 4 }, do: 'stall' }]);
  const args = ['recover', '--force', '--scratch', base, 's3://bucket/sessions/test'];
  start(s3Environment(s3), ...args);
  const left = await eventually(async () => {
    const [name = ''] = await readdir(base);
    return (await readdir(join(base, name))).includes('workdir') && name;
  });
  await killAll();
  expect(await readdir(base)).toEqual([left]);
  s3.setFaults([]);
  const next = start(s3Environment(s3), ...args);
  expect((await next.ended()).code, next.stderr()).toBe(0);
  expect(await readdir(base)).toEqual([]);
});
