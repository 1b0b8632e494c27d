import { type ChildProcess, spawn as spawnProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { ChildName, Command } from '../config/session-config.ts';
import { openForAppendSync } from '../files/open.ts';
import { openConsole } from './console.ts';
import type { ExitStatus } from './exit-status.ts';
import { asUser, setprivError } from './low-ports.ts';
import { explainLogError, explainSpawnError } from './spawn-error.ts';
import type { User } from './user.ts';

export interface ChildSpec {
  readonly name: ChildName;
  readonly command: Command;
  readonly cwd: string;
  /** The complete environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path: stdout and stderr are appended to this file. */
  readonly logFile: string;
  /** Whether stdin is a console: a pipe that stays open; otherwise it is /dev/null. */
  readonly console: boolean;
  /** The user it runs as, without supplementary groups; undefined: the supervisor's own. */
  readonly user: User | undefined;
}

export interface Child {
  readonly name: ChildName;
  /** Also the id of the process group and of the session that it leads; undefined: it did not start. */
  readonly pid: number | undefined;
  /** Milliseconds since the epoch, by a monotonic clock. */
  readonly startedAtMs: number;
  /** As `startedAtMs`; undefined while it runs. */
  readonly endedAtMs: number | undefined;
  /** Resolves when the child itself has exited, even if others of its group are alive; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /**
   * Writes one line to the console, in one write. Never rejects.
   * @returns false when the child does not read its stdin any more
   */
  sendCommand(line: string): Promise<boolean>;
}

/**
 * Starts a program as the leader of a process group and session of its own, so that a Ctrl-C at the terminal does
 * not reach it. It writes its log itself, by one file descriptor for stdout and stderr: a busy supervisor does not
 * delay it, and a dead one does not break it.
 * @returns a child in every case: one that could not be started has the exit status `failedToStart`
 */
export function startChild(spec: ChildSpec): Child {
  const startedAtMs = nowMs();
  let log: number;
  try {
    log = openForAppendSync(spec.logFile).fd;
  } catch (error) {
    return neverStarted(spec.name, startedAtMs, Promise.resolve(explainLogError(spec.logFile, error)));
  }
  try {
    return observe(spawn(spec, log), startedAtMs, spec);
  } catch (error) {
    return neverStarted(spec.name, startedAtMs, explainSpawnError(spec, error));
  } finally {
    closeSync(log);
  }
}

export interface DetachedSpec {
  readonly command: Command;
  readonly cwd: string;
  /** The complete environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path: stdout and stderr are appended to this file. */
  readonly logFile: string;
}

export interface DetachedProcess {
  /** undefined: it was not started, and `exited` says why. */
  readonly pid: number | undefined;
  /** Resolves when it has exited, if this process is alive then; never rejects. */
  readonly exited: Promise<ExitStatus>;
}

/**
 * Starts a program that may outlive this process: it leads a session of its own, its stdin is /dev/null, and this
 * process may exit without waiting for it.
 * @throws when the log cannot be opened
 */
export function startDetached({ logFile, ...spec }: DetachedSpec): DetachedProcess {
  const options = { ...spec, logFile, console: false, user: undefined };
  const log = openForAppendSync(logFile).fd;
  try {
    const child = spawn(options, log);
    child.unref();
    return { pid: child.pid, exited: exitStatusOf(child, options) };
  } catch (error) {
    return { pid: undefined, exited: failed(explainSpawnError(options, error)) };
  } finally {
    closeSync(log);
  }
}

type SpawnOptions = Omit<ChildSpec, 'name'>;

function spawn({ command, cwd, env, console, user }: SpawnOptions, log: number) {
  const [file, ...args] = user?.setpriv === undefined ? command : asUser(user, user.setpriv, command);
  return spawnProcess(file, args, {
    cwd,
    env,
    detached: true,
    stdio: [console ? 'pipe' : 'ignore', log, log],
    // Node clears the supplementary groups where it sets a user (setgroups in libuv's process.c).
    ...(user === undefined || user.setpriv !== undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
}

function observe(child: ChildProcess, startedAtMs: number, spec: ChildSpec): Child {
  let endedAtMs: number | undefined;
  for (const end of ['exit', 'error'])
    child.once(end, () => {
      endedAtMs = nowMs();
    });
  return {
    name: spec.name,
    pid: child.pid,
    startedAtMs,
    get endedAtMs() {
      return endedAtMs;
    },
    exited: exitStatusOf(child, spec),
    sendCommand: openConsole(child.stdin),
  };
}

/** Node tells a code, or a signal, or the error of a program that did not start. */
function exitStatusOf(child: ChildProcess, spec: SpawnOptions): Promise<ExitStatus> {
  return new Promise(resolve => {
    child.once('exit', (code, signal) =>
      resolve(signal === null ? exitStatusOfCode(code ?? 0, spec) : { signal }),
    );
    child.once('error', error => resolve(failed(explainSpawnError(spec, error))));
  });
}

async function exitStatusOfCode(code: number, spec: SpawnOptions): Promise<ExitStatus> {
  const error = spec.user?.setpriv === undefined ? undefined : await setprivError(code, spec.logFile);
  return error === undefined ? { code } : failed(explainSpawnError(spec, error));
}

function neverStarted(name: ChildName, startedAtMs: number, why: Promise<string>): Child {
  return {
    name,
    pid: undefined,
    startedAtMs,
    endedAtMs: startedAtMs,
    exited: failed(why),
    sendCommand: async () => false,
  };
}

async function failed(why: Promise<string>): Promise<ExitStatus> {
  return { failedToStart: await why };
}

const nowMs = () => performance.timeOrigin + performance.now();
