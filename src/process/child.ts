import { closeSync } from 'node:fs';
import { execa } from 'execa';
import type { ChildName, Command } from '../config/session-config.ts';
import { openForAppendSync } from '../files/open.ts';
import { openConsole } from './console.ts';
import type { ExitStatus } from './exit-status.ts';
import { explainLogError, explainRejected, explainSpawnError } from './spawn-error.ts';
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
    return neverStarted(spec.name, startedAtMs, explainLogError(spec.logFile, error));
  }
  try {
    return observe(spawn(spec, log), startedAtMs, spec);
  } catch (error) {
    return neverStarted(spec.name, startedAtMs, explainRejected(spec, error));
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
 * @throws when the log cannot be opened, or the command is refused: it holds a NUL character, for one
 */
export function startDetached({ logFile, ...spec }: DetachedSpec): DetachedProcess {
  const options = { ...spec, console: false, user: undefined };
  const log = openForAppendSync(logFile).fd;
  try {
    const subprocess = spawn(options, log);
    subprocess.nodeChildProcess.unref();
    return { pid: subprocess.pid, exited: subprocess.then(result => exitStatusOf(result, options)) };
  } finally {
    closeSync(log);
  }
}

type SpawnOptions = Omit<ChildSpec, 'name' | 'logFile'>;

function spawn({ command: [file, ...args], cwd, env, console, user }: SpawnOptions, log: number) {
  // execa's types know file descriptors up to 9 only; its code takes any.
  const output = log as 3;
  return execa(file, args, {
    cwd,
    env,
    extendEnv: false,
    detached: true,
    reject: false,
    buffer: false,
    stdin: console ? 'pipe' : 'ignore',
    stdout: output,
    stderr: output,
    // Node clears the supplementary groups where it sets a user (setgroups in libuv's process.c).
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
}

function observe(subprocess: ReturnType<typeof spawn>, startedAtMs: number, spec: ChildSpec): Child {
  let endedAtMs: number | undefined;
  const exited = subprocess.then(result => {
    endedAtMs = nowMs();
    return exitStatusOf(result, spec);
  });
  return {
    name: spec.name,
    pid: subprocess.pid,
    startedAtMs,
    get endedAtMs() {
      return endedAtMs;
    },
    exited,
    sendCommand: openConsole(subprocess.stdin),
  };
}

/** execa gives a code, or a signal, or neither where there was no process. */
async function exitStatusOf(
  result: Awaited<ReturnType<typeof spawn>>,
  spec: SpawnOptions,
): Promise<ExitStatus> {
  if (result.signal !== undefined) return { signal: result.signal };
  if (result.exitCode !== undefined) return { code: result.exitCode };
  return { failedToStart: await explainSpawnError(spec, result) };
}

function neverStarted(name: ChildName, startedAtMs: number, failedToStart: string): Child {
  return {
    name,
    pid: undefined,
    startedAtMs,
    endedAtMs: startedAtMs,
    exited: Promise.resolve({ failedToStart }),
    sendCommand: async () => false,
  };
}

const nowMs = () => performance.timeOrigin + performance.now();
