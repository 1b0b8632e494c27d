import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { unlessMissing } from '../../src/files/errno.ts';
import type { Report } from '../../src/report/schema.ts';
import { COMPILE_CACHE, PROGRAMS, SUPERVISOR } from './built.ts';
import { killAllIn } from './container.ts';
import { eventually } from './eventually.ts';
import { withoutFences } from './fences.ts';
import { freePort } from './free-port.ts';

/** The command line of a test program. */
export function program(name: string, ...args: (string | number)[]): string {
  return JSON.stringify([process.execPath, join(PROGRAMS, `${name}.mjs`), ...args.map(String)]);
}

/** A place for one session: folders, a port, and the real command as a process. */
export interface SessionFixture extends AsyncDisposable {
  readonly workdir: string;
  readonly sessions: string;
  readonly port: number;
  /** The variables of a session that works. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Starts the supervisor with these variables beside those. */
  start(env?: Record<string, string | undefined>, ...args: string[]): RunningSupervisor;
  /** The same, by a command that replaces itself by the supervisor, whose command line follows its own. */
  startBy(launcher: readonly string[], env?: Record<string, string | undefined>): RunningSupervisor;
  /** Kills every supervisor and all that they have started, as the end of their container does. */
  killAll(): Promise<void>;
}

export interface RunningSupervisor {
  readonly process: ChildProcess;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until a line of its log holds the text. */
  logged(text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Waits for its end. */
  ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** The report in its last log line. */
  report(): Report;
}

export async function openSessionFixture(): Promise<SessionFixture> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'session-test-'));
  const workdir = join(folder, 'work');
  const sessions = join(folder, 'sessions');
  const supervisors: RunningSupervisor[] = [];

  const environment = {
    PATH: process.env.PATH,
    // What a killed command leaves in its temporary folder goes with ours.
    TMPDIR: folder,
    TIMESTAMP: 'test',
    SESSION_WORKDIR: workdir,
    SESSION_DESTINATION: sessions,
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: program('server-ready', '--port', port),
    SESSION_AGENT_COMMAND: program('agent-exits', 0, 0),
    SESSION_STOP_GRACE: '20s',
    SESSION_JOURNAL_INTERVAL: 'off',
  };

  async function killAll(): Promise<void> {
    for (const supervisor of supervisors) supervisor.signal('SIGKILL');
    // A child that is forked, but does not yet stand in the folder, still holds the supervisor's output open.
    await Promise.all(supervisors.map(supervisor => supervisor.ended()));
    await killAllIn(folder);
  }

  function start(command: readonly string[], env: Record<string, string | undefined>): RunningSupervisor {
    const supervisor = startSupervisor(command, { ...COMPILE_CACHE, ...environment, ...env });
    supervisors.push(supervisor);
    return supervisor;
  }

  return {
    workdir,
    sessions,
    port,
    environment,
    start: (env = {}, ...args) => start([process.execPath, SUPERVISOR, ...args], env),
    startBy: (launcher, env = {}) => start([...launcher, process.execPath, SUPERVISOR], env),
    killAll,
    async [Symbol.asyncDispose]() {
      await killAll();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function startSupervisor(
  [file = '', ...args]: readonly string[],
  env: Record<string, string | undefined>,
): RunningSupervisor {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', text => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    output.stderr += text;
  });
  return {
    process: child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async logged(text) {
      await eventually(() => {
        if (output.stdout.includes(text)) return true;
        if (child.exitCode !== null)
          throw new Error(`ended without "${text}": ${output.stdout}${output.stderr}`);
        return false;
      });
    },
    signal: signal => void child.kill(signal),
    async ended() {
      const [code, signal] = await closed;
      return { code, signal };
    },
    report() {
      const line = output.stdout.trim().split('\n').at(-1) ?? '';
      return JSON.parse(line).report;
    },
  };
}

/** The report of a session in a folder that was its destination. @param name the one that it has claimed */
export async function readReport(destination: string, name = 'test'): Promise<Report> {
  return readReportFile(join(destination, '.sessions', name));
}

/** The report that lies in a folder. */
export async function readReportFile(folder: string): Promise<Report> {
  return JSON.parse(await readFile(join(folder, 'session.json'), 'utf8'));
}

/** Every file below a folder, in order, but for the fences that stay where a journal was. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const files = await withoutFences(paths, path => unlessMissing(readFile(path)));
  return files.map(path => relative(folder, path)).sort();
}
