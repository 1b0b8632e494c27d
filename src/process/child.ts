import { closeSync, constants, openSync } from 'node:fs';
import { execa } from 'execa';
import type { ChildName, Command } from '../config/session-config.ts';
import { openConsole } from './console.ts';
import type { ExitStatus } from './exit-status.ts';
import { whyNotAccepted, whyNotOpened, whyNotStarted } from './spawn-error.ts';
import type { User } from './user.ts';

export interface ChildSpec {
  readonly name: ChildName;
  readonly command: Command;
  readonly cwd: string;
  /** The complete environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path: what the child prints is appended here. */
  readonly logFile: string;
  /** Whether stdin is a console, a pipe that is held open; otherwise it is /dev/null. */
  readonly console: boolean;
  /** Whom it runs as, without any other groups; undefined: as the supervisor does. */
  readonly user: User | undefined;
}

export interface Child {
  readonly name: ChildName;
  /** Also the id of the process group and of the session that it leads; undefined: it was never started. */
  readonly pid: number | undefined;
  /** Milliseconds since the epoch, from a clock that never jumps. */
  readonly startedAtMs: number;
  /** As `startedAtMs`; undefined while it runs. */
  readonly endedAtMs: number | undefined;
  /** Settles when the child itself has exited, whoever else lives on in its group; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /**
   * Says one line on the console: one line, one write. Never rejects.
   * @returns false when nobody listens any more.
   */
  sendCommand(line: string): Promise<boolean>;
}

/**
 * Starts a program as the leader of a process group and session of its own, so that a Ctrl-C at the terminal does
 * not reach it. It writes its log by itself, through one file descriptor for stdout and stderr: a busy supervisor
 * never stalls it, and a dead one never breaks it. A start that fails is an ending, not an exception.
 */
export function startChild(spec: ChildSpec): Child {
  const startedAtMs = nowMs();
  let log: number;
  try {
    log = openSync(spec.logFile, spec.user === undefined ? 'a' : APPEND_TO_FILE);
  } catch (error) {
    return neverStarted(spec.name, startedAtMs, whyNotOpened(spec.logFile, error));
  }
  try {
    return follow(spawn(spec, log), startedAtMs, spec);
  } catch (error) {
    return neverStarted(spec.name, startedAtMs, whyNotAccepted(spec, error));
  } finally {
    closeSync(log);
  }
}

/** Where another user has a hand in the folder, neither its link nor its pipe is taken for a log. */
const APPEND_TO_FILE =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

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

function follow(subprocess: ReturnType<typeof spawn>, startedAtMs: number, spec: ChildSpec): Child {
  let endedAtMs: number | undefined;
  const exited = subprocess.then(result => {
    endedAtMs = nowMs();
    return exitOf(result, spec);
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

/** execa has a code, or a signal, or neither: then there was no process. */
async function exitOf(result: Awaited<ReturnType<typeof spawn>>, spec: SpawnOptions): Promise<ExitStatus> {
  if (result.signal !== undefined) return { signal: result.signal };
  if (result.exitCode !== undefined) return { code: result.exitCode };
  return { failedToStart: await whyNotStarted(spec, result) };
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

export interface DetachedSpec {
  readonly command: Command;
  readonly cwd: string;
  /** The complete environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path: its stdout and stderr are appended here. */
  readonly logFile: string;
}

export interface DetachedProcess {
  /** undefined: it was not started, and `exited` says why. */
  readonly pid: number | undefined;
  /** Settles when it has exited, if this process still runs then; never rejects. */
  readonly exited: Promise<ExitStatus>;
}

/**
 * Starts a program that may outlive this process: it leads a session of its own, its stdin is /dev/null, and this
 * process does not wait for it before it exits.
 * @throws when the log cannot be opened, or the command cannot be tried: it contains a NUL character, for one.
 */
export function startDetached({ logFile, ...spec }: DetachedSpec): DetachedProcess {
  const options = { ...spec, console: false, user: undefined };
  const log = openSync(logFile, 'a');
  try {
    const subprocess = spawn(options, log);
    subprocess.nodeChildProcess.unref();
    return { pid: subprocess.pid, exited: subprocess.then(result => exitOf(result, options)) };
  } finally {
    closeSync(log);
  }
}
