import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { SUPERVISOR } from '../support/built.ts';
import { canMount } from '../support/can-mount.ts';
import { eventually } from '../support/eventually.ts';
import { filesBelow, program } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const JOURNAL = { SESSION_JOURNAL_INTERVAL: '50ms', SESSION_AGENT_COMMAND: program('agent-counts') };

test('a working directory that is a link has a journal', async ({ fixture }) => {
  await mkdir(fixture.workdir);
  const link = join(fixture.workdir, '../link');
  await symlink(fixture.workdir, link);
  const session = fixture.start({ ...JOURNAL, SESSION_WORKDIR: link });
  await eventually(async () => (await filesBelow(fixture.sessions)).some(file => /journal.*gz$/.test(file)));
  session.signal('SIGTERM');
  expect((await session.ended()).code, session.stdout()).toBe(0);
  expect(session.report().journal?.segments).toBeGreaterThan(0);
});

test('a destination inside the working directory is not archived, also where its path is a link', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const inside = join(fixture.workdir, 'inside');
  await mkdir(inside, { recursive: true });
  const link = join(fixture.workdir, '../link');
  await symlink(inside, link);
  const session = fixture.start({ ...JOURNAL, SESSION_DESTINATION: join(link, 'sessions') });
  await eventually(async () => (await filesBelow(inside)).some(file => /journal.*gz$/.test(file)));
  session.signal('SIGTERM');
  expect((await session.ended()).code, session.stdout()).toBe(0);
  const archive = join(inside, 'sessions/test/logs.tar.gz');
  const { stdout } = await promisify(execFile)('tar', ['tzf', archive]);
  expect(stdout.split('\n').filter(name => name.startsWith('inside/') && name !== 'inside/')).toEqual([]);
});

test.skipIf(!canMount())(
  'a destination inside the working directory is not archived, also where a bind mount leads there',
  { tags: ['slow'] },
  async ({ fixture }) => {
    const { workdir, environment } = fixture;
    const [inside, mounted] = [join(workdir, 'in side'), join(workdir, '../mounted here')];
    await Promise.all([inside, mounted].map(folder => mkdir(folder, { recursive: true })));
    const env = {
      ...environment,
      ...JOURNAL,
      SESSION_AGENT_COMMAND: program('agent-exits', 0, 1000),
      SESSION_DESTINATION: join(mounted, 'not yet/there'),
    };
    const script = 'mount --bind "$1" "$2" && exec "$3" "$4"';
    const args = ['-rm', 'sh', '-c', script, 'sh', inside, mounted, process.execPath, SUPERVISOR];
    await promisify(execFile)('unshare', args, { env });
    const archive = join(inside, 'not yet/there/test/logs.tar.gz');
    const { stdout } = await promisify(execFile)('tar', ['tzf', archive]);
    expect(stdout.split('\n').filter(name => name.startsWith('in side/') && name !== 'in side/')).toEqual([
      'in side/not yet/',
    ]);
  },
);
