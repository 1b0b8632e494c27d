import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { SUPERVISOR } from '../support/built.ts';
import { canMount } from '../support/can-mount.ts';
import { about } from '../support/journal.ts';
import { piece, putSegments } from '../support/segments.ts';
import type { SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const MiB = 1024 * 1024;

/** Recovers with a small disk as scratch, on which the destination lies as well, or does not. */
async function recoverOn(
  disk: string,
  { sessions, environment }: SessionFixture,
  isDestinationThere: boolean,
) {
  const small = join(sessions, '../small');
  await mkdir(small);
  const changes = { space: 30 * MiB, files: 300, about: { ...about, codec: 'none' as const } };
  const pieces = [piece('a', 'A')];
  await putSegments(openDirectoryStore(sessions), [{ ...changes, pieces }], '.sessions/test/journal');
  const at = isDestinationThere ? join(small, 'sessions') : sessions;
  const script = `mount -t tmpfs -o ${disk} none "$1" && cp -r "$2" "$1" && exec "$3" "$4" recover --force --scratch "$1" "file://$5/test"`;
  const args = ['-rm', 'sh', '-c', script, 'sh', small, sessions, process.execPath, SUPERVISOR, at];
  const { status, stdout, stderr } = spawnSync('unshare', args, { env: environment, encoding: 'utf8' });
  return { code: status, said: `${stdout}${stderr}`.replaceAll(join(sessions, '..'), '') };
}

test.skipIf(!canMount()).for([
  [
    'size=80m',
    true,
    20,
    /needs 94 MiB for the files in \/small\/.* and 30 MiB for the archive in \/small\/sessions, and there is room for 80 MiB on that disk: make room there, or name a folder on another disk with --scratch/,
  ],
  ['size=80m', false, 20, /needs 94 MiB for the files in \/small\/\S*, and there is room for 80 MiB/],
  ['size=100m', false, 0, /recovered/],
  ['size=100m', true, 20, /94 MiB .* and 30 MiB/],
  [
    'size=200m,nr_inodes=1100',
    true,
    20,
    /needs 1300 files for the files in \/small\/\S*, and there is room for 10\d\d files/,
  ],
] as const)(
  'a disk of %s is looked at before a recovery, destination there: %s',
  { tags: ['slow'] },
  async ([disk, there, code, says], { fixture }) => {
    const recovery = await recoverOn(disk, fixture, there);
    expect(recovery.said).toMatch(says);
    expect(recovery.code).toBe(code);
  },
);

test.skipIf(!canMount())(
  'doctor finds a disk that takes few more files',
  { tags: ['slow'] },
  ({ fixture }) => {
    const script = 'mkdir "$1" && mount -t tmpfs -o nr_inodes=5000 none "$1" && exec "$2" "$3" doctor';
    const args = ['-rm', 'sh', '-c', script, 'sh', fixture.workdir, process.execPath, SUPERVISOR];
    const { stdout } = spawnSync('unshare', args, { env: fixture.environment, encoding: 'utf8' });
    expect(stdout).toMatch(/^fault working directory: \S+ has room for 4\d\d\d files only/m);
  },
);

test.skipIf(!canMount()).for([
  [
    'size=1500m',
    '2s',
    /^fault destination file:\S+: \S+ has only 1\.\d GiB free: make room for 2 GiB at least; the journal/m,
  ],
  ['size=1500m', 'off', /^ok {4}destination file:\S+: 1\.\d GiB free$/m],
  ['size=4g,nr_inodes=5000', '2s', /^fault destination file:\S+: \S+ has room for 4\d\d\d files only/m],
] as const)(
  'doctor looks at the room of a destination on a disk of %s, with a journal every %s',
  {
    tags: ['slow'],
  },
  ([disk, interval, says], { fixture }) => {
    const { sessions, environment } = fixture;
    const script = 'mkdir "$1" && mount -t tmpfs -o "$2" none "$1" && exec "$3" "$4" doctor';
    const args = ['-rm', 'sh', '-c', script, 'sh', sessions, disk, process.execPath, SUPERVISOR];
    const env = { ...environment, SESSION_JOURNAL_INTERVAL: interval };
    expect(spawnSync('unshare', args, { env, encoding: 'utf8' }).stdout).toMatch(says);
  },
);
