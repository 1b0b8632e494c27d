import { execSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { openChildFixture, programPath } from '../support/children.ts';
import { eventually } from '../support/eventually.ts';

test('tells the exit code', async () => {
  await using fixture = await openChildFixture();
  const { child } = fixture.start([programPath('child-exits-with.mjs'), '7']);
  expect(await child.exited).toEqual({ code: 7 });
});

test('tells the signal that a child died of', async () => {
  await using fixture = await openChildFixture();
  const { child } = fixture.start([programPath('child-dies-of.mjs'), 'SIGSEGV']);
  expect(await child.exited).toEqual({ signal: 'SIGSEGV' });
});

test('tells when a child started and ended', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ends-on-sigterm.mjs')]);
  expect(child.endedAtMs).toBeUndefined();
  expect(Math.abs(child.startedAtMs - Date.now())).toBeLessThan(60_000);
  process.kill(Number(await logged(/ready (\d+)/)), 'SIGTERM');
  await child.exited;
  expect(child.endedAtMs).toBeGreaterThan(child.startedAtMs);
});

test('a child leads a session and a group of its own, out of reach of the terminal', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ends-on-sigterm.mjs')]);
  await logged(/ready/);
  const process = listProcesses()?.find(({ pid }) => pid === child.pid);
  expect(process).toMatchObject({ group: child.pid, session: child.pid });
});

test('a child gets the environment that it is given, and nothing else', async () => {
  await using fixture = await openChildFixture();
  const env = { PATH: dirname(process.execPath), GREETING: 'good day' };
  const { child, log } = fixture.start([programPath('child-prints-environment.mjs')], { env });
  await child.exited;
  expect(JSON.parse(await log())).toEqual(env);
});

test('the exit is known while a grandchild still holds the log and the console', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-with-stubborn-grandchild.sh')], {
    console: true,
  });
  const grandchild = Number(await logged(/ready (\d+)/));
  process.kill(child.pid ?? 0, 'SIGTERM');
  expect(await child.exited).toEqual({ signal: 'SIGTERM' });
  expect(listProcesses()?.map(({ pid }) => pid)).toContain(grandchild);
});

test('leaves no file descriptor of the log open in the supervisor', async () => {
  await using fixture = await openChildFixture();
  for (const command of [programPath('child-ends-on-sigterm.mjs'), 'no-such-command']) {
    fixture.start([command]);
    expect(openFiles().filter(path => path.startsWith(fixture.folder))).toEqual([]);
  }
});

describe('the log', () => {
  test('holds stdout and stderr in their order, and what was there before', async () => {
    await using fixture = await openChildFixture();
    const logFile = join(fixture.folder, 'old.log');
    writeFileSync(logFile, 'from before\n');
    const { child, log } = fixture.start([programPath('child-alternates-streams.mjs'), '1000'], { logFile });
    await child.exited;
    const lines = Array.from({ length: 1000 }, (_, number) => `line ${number}\n`);
    expect(await log()).toBe(`from before\n${lines.join('')}`);
  });

  test('takes 10 MB while the supervisor is busy', async () => {
    await using fixture = await openChildFixture();
    const bytes = 10 * 1024 * 1024;
    const { child, spec } = fixture.start([programPath('child-floods-log.mjs'), `${bytes}`]);
    // Nothing else runs in this process until the whole flood is in the file.
    const endMs = performance.now() + 60_000;
    while (statSync(spec.logFile).size < bytes && performance.now() < endMs);
    expect(statSync(spec.logFile).size).toBe(bytes);
    expect(await child.exited).toEqual({ code: 0 });
  });

  test('goes on when the supervisor is dead', async () => {
    await using fixture = await openChildFixture();
    const spec = fixture.specOf([programPath('child-counts.mjs')], { console: true });
    const supervisor = spawn(process.execPath, [programPath('child-supervisor.mjs'), JSON.stringify(spec)], {
      cwd: fixture.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [pid] = await once(supervisor.stdout, 'data');
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    const size = statSync(spec.logFile).size;
    await eventually(() => statSync(spec.logFile).size > size + 100);
    expect(listProcesses()?.map(process => process.pid)).toContain(Number(pid));
  });

  test('that cannot be opened is a failure to start', async () => {
    await using fixture = await openChildFixture();
    const { child } = fixture.start([programPath('child-exits-with.mjs'), '0'], { logFile: fixture.folder });
    expect(child.pid).toBeUndefined();
    expect(child.endedAtMs).toBe(child.startedAtMs);
    expect(await child.sendCommand('hello')).toBe(false);
    const why = `cannot open its log ${fixture.folder}: illegal operation on a directory (EISDIR)`;
    expect(await child.exited).toEqual({ failedToStart: why });
  });
});

describe('the console', () => {
  test('takes lines', async () => {
    await using fixture = await openChildFixture();
    const { child, logged } = fixture.start([programPath('child-obeys-console.mjs')], { console: true });
    expect(await child.sendCommand('say hello')).toBe(true);
    await logged(/^read "say hello\\n"$/m);
    expect(await child.sendCommand('stop')).toBe(true);
    expect(await child.exited).toEqual({ code: 0 });
  });

  test('stays open for as long as the supervisor lives, and is /dev/null for those who get none', async () => {
    await using fixture = await openChildFixture();
    const [open, closed] = [true, false].map(console =>
      fixture.start([programPath('child-obeys-console.mjs')], { console }),
    );
    expect(await closed?.child.exited).toEqual({ code: 3 });
    expect(open?.child.endedAtMs).toBeUndefined();
    expect(await closed?.child.sendCommand('stop')).toBe(false);
    expect(await open?.child.sendCommand('stop')).toBe(true);
    expect(await open?.child.exited).toEqual({ code: 0 });
  });

  test('that the child has closed takes nothing, and harms nobody', async () => {
    await using fixture = await openChildFixture();
    const { child, logged } = fixture.start([programPath('child-closes-stdin.mjs')], { console: true });
    await logged(/ready/);
    expect(await child.sendCommand('stop')).toBe(false);
    expect(await child.sendCommand('stop')).toBe(false);
    expect(child.endedAtMs).toBeUndefined();
    process.kill(child.pid ?? 0, 'SIGTERM');
    expect(await child.exited).toEqual({ signal: 'SIGTERM' });
  });

  test('that nobody reads lets go of its lines when the child ends', async () => {
    await using fixture = await openChildFixture();
    const { child, logged } = fixture.start([programPath('child-ignores-console.mjs')], { console: true });
    await logged(/ready/);
    const said = child.sendCommand('x'.repeat(4 * 1024 * 1024));
    process.kill(child.pid ?? 0, 'SIGTERM');
    expect(await said).toBe(false);
    expect(await child.exited).toEqual({ signal: 'SIGTERM' });
  });
});

describe('a program that cannot be started tells why:', () => {
  test('it is not there', async () => {
    await using fixture = await openChildFixture();
    const { child } = fixture.start(['no-such-command'], { env: { PATH: '/usr/bin:/bin' }, console: true });
    expect(await child.exited).toEqual({
      failedToStart: 'no such command: no-such-command (looked in /usr/bin, /bin)',
    });
    expect(child.pid).toBeUndefined();
    expect(await child.sendCommand('stop')).toBe(false);
  });

  test('its path leads nowhere', async () => {
    await using fixture = await openChildFixture();
    const { child } = fixture.start(['./missing.sh']);
    expect(await child.exited).toEqual({
      failedToStart: `no such command: ${join(fixture.folder, 'missing.sh')}`,
    });
  });

  test('it may not be run', async () => {
    await using fixture = await openChildFixture();
    const file = join(fixture.folder, 'script.sh');
    writeFileSync(file, '#!/bin/sh\n');
    const { child } = fixture.start([file]);
    expect(await child.exited).toEqual({ failedToStart: `no permission to run ${file} (chmod +x?)` });
  });

  test('the one in the PATH may not be run', async () => {
    await using fixture = await openChildFixture();
    writeFileSync(join(fixture.folder, 'script'), '#!/bin/sh\n');
    const { child } = fixture.start(['script'], { env: { PATH: fixture.folder } });
    expect(await child.exited).toEqual({
      failedToStart: `no permission to run: script (looked in ${fixture.folder})`,
    });
  });

  test('it is a folder', async () => {
    await using fixture = await openChildFixture();
    const { child } = fixture.start([fixture.folder]);
    expect(await child.exited).toEqual({ failedToStart: `not a program but a folder: ${fixture.folder}` });
  });

  test('its interpreter is missing', async () => {
    await using fixture = await openChildFixture();
    const file = join(fixture.folder, 'script.py');
    writeFileSync(file, '#!/opt/python9/bin/python -u\n');
    chmodSync(file, 0o755);
    const { child } = fixture.start([file]);
    expect(await child.exited).toEqual({
      failedToStart: `cannot run ${file}: its interpreter /opt/python9/bin/python is missing or may not be run`,
    });
  });

  test('the interpreter of the one in the PATH is missing', async () => {
    await using fixture = await openChildFixture();
    const file = join(fixture.folder, 'agent');
    writeFileSync(file, '#!/opt/venv/bin/python\n');
    chmodSync(file, 0o755);
    const { child } = fixture.start(['agent'], { env: { PATH: `/usr/bin:${fixture.folder}` } });
    expect(await child.exited).toEqual({
      failedToStart: `cannot run ${file}: its interpreter /opt/venv/bin/python is missing or may not be run`,
    });
  });

  test('the working directory is missing', async () => {
    await using fixture = await openChildFixture();
    const cwd = join(fixture.folder, 'nowhere');
    const { child } = fixture.start([programPath('child-exits-with.mjs'), '0'], { cwd });
    expect(await child.exited).toEqual({ failedToStart: `no such working directory: ${cwd}` });
  });

  test('the working directory is a file', async () => {
    await using fixture = await openChildFixture();
    const cwd = join(fixture.folder, 'file');
    writeFileSync(cwd, '');
    const { child } = fixture.start(['true'], { cwd });
    expect(await child.exited).toEqual({ failedToStart: `the working directory is not a folder: ${cwd}` });
  });

  test('its arguments are too long for the kernel', async () => {
    await using fixture = await openChildFixture();
    const { child } = fixture.start(['true', 'x'.repeat(4 * 1024 * 1024)]);
    expect(await child.exited).toEqual({
      failedToStart: 'cannot start true: argument list too long (E2BIG)',
    });
  });

  test('an argument holds a NUL', async () => {
    await using fixture = await openChildFixture();
    const { child } = fixture.start(['true', 'a\0b']);
    expect(await child.exited).toMatchObject({
      failedToStart: expect.stringMatching(/^cannot start true: .*null bytes/),
    });
  });
});

describe('another user', () => {
  const isRoot = process.getuid?.() === 0;
  const user = { uid: 4_711, gid: 4_712, name: undefined, home: undefined };

  test('runs the child, in one group alone', async () => {
    await using fixture = await openChildFixture();
    const { child, log } = fixture.start(['/bin/sh', '-c', 'id -u; id -G'], { user });
    if (isRoot) {
      expect(await child.exited).toEqual({ code: 0 });
      expect(await log()).toBe('4711\n4712\n');
    } else {
      expect(await child.exited).toEqual({ failedToStart: expect.stringContaining('EPERM') });
    }
  });

  test.runIf(isRoot)('is told as the reason where it lacks the right to run a program', async () => {
    await using fixture = await openChildFixture();
    const file = join(fixture.folder, 'program');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o700);
    const { child } = fixture.start([file], { user });
    expect(await child.exited).toEqual({
      failedToStart: expect.stringContaining(`4711 may not run ${file}`),
    });
  });

  test.each([
    ['link', 'ln -s /etc/hostname'],
    ['second name of another file', 'd=$(mktemp -p . XXXXXX.log) && ln $d'],
    ['pipe', 'mkfifo'],
  ])('gets no log that is a %s', async (_, make) => {
    await using fixture = await openChildFixture();
    const logFile = join(fixture.folder, 'agent.log');
    execSync(`${make} ${logFile}`, { cwd: fixture.folder });
    const { child } = fixture.start(['/bin/true'], { user, logFile });
    expect(await child.exited).toEqual({ failedToStart: expect.stringContaining('cannot open its log') });
  });
});

/** What this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // It was the one that listed the others.
      return [];
    }
  });
}
