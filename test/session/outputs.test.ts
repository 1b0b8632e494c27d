/** @module-tag slow */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { hasCode } from '../../src/files/errno.ts';
import { COMPILE_CACHE, PROGRAMS, SUPERVISOR } from '../support/built.ts';
import { eventually } from '../support/eventually.ts';
import { program, readReport, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const folderOf = ({ workdir }: SessionFixture) => dirname(workdir);

const supervisorLog = ({ workdir }: SessionFixture) => readFile(join(workdir, 'supervisor.log'), 'utf8');

/** A pipe that is full, and that nobody reads. */
function openFullPipe(fixture: SessionFixture): number {
  const path = join(folderOf(fixture), 'pipe');
  execFileSync('mkfifo', [path]);
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(pipe));
  expect(() => {
    for (;;) writeSync(pipe, Buffer.alloc(4_096));
  }).toThrow('EAGAIN');
  return pipe;
}

function openFullDisk(): number {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  return full;
}

function startWith(fixture: SessionFixture, stdout: number, stderr: number): ChildProcess {
  const env = { ...COMPILE_CACHE, ...fixture.environment, SESSION_ECHO: 'agent' };
  return spawn(process.execPath, [SUPERVISOR], { env, stdio: ['ignore', stdout, stderr] });
}

describe.concurrent('a session ends as always, and its report is there,', () => {
  for (const { what, open } of [
    { what: 'when stdout and stderr are full, and nobody reads them', open: openFullPipe },
    { what: 'when the disk of stdout and stderr is full', open: openFullDisk },
  ]) {
    test(what, async ({ fixture }) => {
      const output = open(fixture);
      const session = startWith(fixture, output, output);
      expect(await once(session, 'exit')).toEqual([0, null]);
      expect(await readReport(fixture.sessions)).toMatchObject({ saved: 'archive', exitCode: 0 });
      expect(await supervisorLog(fixture)).toContain('"event":"console_stuck"');
    });
  }
});

const MEBIBYTE = 1024 * 1024;

/** How much a process has read so far, of whatever: proc_pid_io(5). */
async function bytesRead(pid = 0): Promise<number> {
  return Number(/^rchar: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

test('a socket that nobody reads, and more lines than may wait for it: what is lost is counted', {
  tags: ['slow'],
}, async ({ fixture }) => {
  const flood = `"${process.execPath}" "${join(PROGRAMS, 'child-floods-log.mjs')}" ${16 * MEBIBYTE}`;
  const env = {
    ...COMPILE_CACHE,
    ...fixture.environment,
    SESSION_AGENT_COMMAND: JSON.stringify(['/bin/sh', '-c', `read line <begin; ${flood}; exec sleep 600`]),
    SESSION_SETUP_COMMAND: 'mkfifo begin',
    SESSION_ECHO: 'agent',
  };
  const session = spawn(process.execPath, [SUPERVISOR], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  await eventually(async () => (await supervisorLog(fixture)).includes('"child":"agent"'));
  const before = await bytesRead(session.pid);
  await writeFile(join(fixture.workdir, 'begin'), '\n');
  await eventually(async () => (await bytesRead(session.pid)) > before + 8 * MEBIBYTE);
  session.kill('SIGTERM');
  expect(await once(session, 'exit')).toEqual([0, null]);
  expect(await readReport(fixture.sessions)).toMatchObject({ saved: 'archive', exitCode: 0 });
  expect(await supervisorLog(fixture)).toMatch(
    /"event":"log_lines_lost","output":"the console","lines":[1-9]\d*,"why":"nobody read them in time"/,
  );
});

/** A supervisor at a terminal of its own, played by script(1). */
async function startAtTerminal(fixture: SessionFixture) {
  await mkdir(fixture.workdir, { recursive: true });
  const pidFile = join(folderOf(fixture), 'pid');
  const env = {
    ...COMPILE_CACHE,
    ...fixture.environment,
    SHELL: '/bin/sh',
    SESSION_AGENT_COMMAND: program('agent-runs'),
  };
  const command = `echo $$ >${pidFile}; exec ${process.execPath} ${SUPERVISOR}`;
  const terminal = spawn('script', ['--quiet', '--command', command, '/dev/null'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void terminal.kill('SIGKILL'));
  let screen = '';
  terminal.stdout.setEncoding('utf8').on('data', text => {
    screen += text;
  });
  await eventually(() => screen.includes('agent started'));
  const pid = Number(await readFile(pidFile, 'utf8'));
  return {
    pid,
    terminal,
    async ended() {
      await eventually(() => !isAlive(pid));
    },
  };
}

/** Whether a terminal takes nothing: asked by a dot on it. */
function isStopped(pid: number): boolean {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  const terminal = openSync(`/proc/${pid}/fd/1`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  try {
    writeSync(terminal, '.');
    return false;
  } catch (error) {
    return hasCode(error, 'EAGAIN');
  } finally {
    closeSync(terminal);
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe.concurrent('a session at a terminal', () => {
  test('that is stopped by Ctrl-S ends all the same', { tags: ['slow'] }, async ({ fixture }) => {
    const { pid, terminal, ended } = await startAtTerminal(fixture);
    terminal.stdin.write('\x13');
    // The terminal has taken it once it lets nothing through any more.
    await eventually(() => isStopped(pid));
    process.kill(pid, 'SIGTERM');
    await ended();
    expect(await readReport(fixture.sessions)).toMatchObject({
      saved: 'archive',
      end: { signal: 'SIGTERM' },
    });
  });

  test('that is closed is stopped and saved, though nothing can be written any more', {
    tags: ['slow'],
  }, async ({ fixture }) => {
    const { terminal, ended } = await startAtTerminal(fixture);
    terminal.kill('SIGKILL');
    await ended();
    expect(await readReport(fixture.sessions)).toMatchObject({ saved: 'archive', end: { signal: 'SIGHUP' } });
    const lost = /"event":"log_lines_lost","output":"the console","lines":[1-9]\d*,"why":"EIO/;
    expect(await supervisorLog(fixture)).toMatch(lost);
  });
});
