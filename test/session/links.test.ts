import { execFile } from 'node:child_process';
import { lchown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished } from 'vitest';
import { SUPERVISOR } from '../support/built.ts';
import { canMount } from '../support/can-mount.ts';
import { killAllOf } from '../support/container.ts';
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

/** A folder with a file, for root alone, and its look: whatever is written there changes it. */
async function makeVictim() {
  const folder = await mkdtemp(join(tmpdir(), 'victim-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'file');
  await writeFile(file, 'of root alone', { mode: 0o600 });
  const look = async () => {
    const { uid, mode, mtimeMs } = await stat(file);
    const own = await stat(folder);
    const content = await readFile(file, 'utf8');
    return {
      names: await readdir(folder),
      content,
      uid,
      mode,
      mtimeMs,
      folder: [own.uid, own.mode, own.mtimeMs],
    };
  };
  return { folder, file, look };
}

const INSIDE = { CRAFTASSIST_NO_UPLOAD: '1', SESSION_DESTINATION: undefined };

/** In a kept working directory a child of an earlier session has left a link that leads where only root may write. */
describe.runIf(process.getuid?.() === 0)(
  'a link that a child has made is not followed',
  { tags: ['slow'] },
  () => {
    for (const [name, kind, isInside] of [
      ['supervisor.log', 'file', true],
      ['agent.log', 'file', true],
      ['cuberite_process.log', 'file', true],
      ['session.json', 'file', true],
      ['session.json.part', 'file', true],
      ['logs.tar.gz', 'file', true],
      ['logs.tar.gz.part', 'file', true],
      ['.craftassist-session', 'folder', true],
      ['.sessions', 'folder', false],
      ['.sessions/test', 'folder', false],
      ['.sessions/test/journal', 'folder', false],
      ['test', 'folder', false],
      ['test/logs.tar.gz', 'file', false],
    ] as const)
      test(`in place of ${name}`, async ({ fixture, run }) => {
        const uid = 1_000_000 + process.pid;
        onTestFinished(() => killAllOf(uid));
        const victim = await makeVictim();
        const link = join(fixture.workdir, name);
        await mkdir(join(link, '..'), { recursive: true });
        await symlink(victim[kind], link);
        await lchown(link, uid, uid);
        const before = await victim.look();
        const destination = isInside ? INSIDE : { SESSION_DESTINATION: fixture.workdir };
        const env = { ...destination, SESSION_CHILD_USER: `${uid}`, SESSION_JOURNAL_INTERVAL: '50ms' };
        // In the test's process there is no log.
        if (name === 'supervisor.log') await fixture.start(env).ended();
        else await run(env);
        expect(await victim.look()).toEqual(before);
      });
  },
);
