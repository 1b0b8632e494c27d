import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasCode } from '../../src/files/errno.ts';
import type { Report } from '../../src/report/schema.ts';
import type { RunningSupervisor, SessionFixture } from '../support/session.ts';
import type { Output } from './plan.ts';

/** Where the console of one session goes, and how what it would have shown is known all the same. */
export interface SessionOutput extends Disposable {
  /** A command that sets it, and replaces itself by the command that follows. */
  readonly launcher: readonly string[];
  /** What the session has logged so far. */
  log(session: RunningSupervisor): string;
  /** What the console shows of it; undefined: nothing, or nobody knows. */
  report(session: RunningSupervisor): Report | undefined;
}

export function openOutput(output: Output, fixture: SessionFixture): SessionOutput {
  if (output === 'read') return { ...CONSOLE, launcher: [], [Symbol.dispose]: () => undefined };
  const path = output === 'full' ? '/dev/full' : join(dirname(fixture.workdir), 'unread');
  if (output === 'unread') execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  if (output === 'unread') fill(fd);
  return {
    launcher: ['sh', '-c', 'output=$1; shift; exec "$@" >"$output" 2>&1', 'sh', path],
    log: () => logIn(fixture.workdir),
    report: () => undefined,
    [Symbol.dispose]: () => closeSync(fd),
  };
}

const CONSOLE: Pick<SessionOutput, 'log' | 'report'> = {
  log: session => session.stdout(),
  report(session) {
    const line = session.stdout().split('\n').find(isLast);
    return line === undefined ? undefined : JSON.parse(line).report;
  },
};

/** Whether a line of a log, or a log, has the session's report. */
export function isLast(log: string): boolean {
  return log.includes('"event":"session_finished"');
}

function logIn(workdir: string): string {
  try {
    return readFileSync(join(workdir, 'supervisor.log'), 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

function fill(pipe: number): void {
  try {
    for (;;) writeSync(pipe, Buffer.alloc(4_096));
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error;
  }
}
