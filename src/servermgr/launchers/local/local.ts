import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalSettings } from '../../../config/servermgr-config.ts';
import {
  type Launcher,
  type LaunchRequest,
  recoverArguments,
  type Session,
  type SessionState,
  type StopReason,
} from '../launcher.ts';
import { alone } from './lock.ts';
import { isBusy, pickPort } from './ports.ts';
import { type LocalRecord, listRecords, readRecord, stateOf } from './records.ts';

export interface LocalSurroundings {
  readonly name: string;
  readonly stateFolder: string;
  /** The manager's own environment: a session's supervisor needs PATH, and AWS_… to save at S3. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const PACE_MS = 250;
const EXIT_MS = 2_000;

/**
 * Plays sessions as processes of this machine. Each has a folder, named after its press, which holds all that is
 * known of it; processes lead sessions of their own, so that they play on while the manager restarts.
 */
export function openLocal(settings: LocalSettings, { name, stateFolder, env }: LocalSurroundings): Launcher {
  const home = join(stateFolder, name);
  /** Processes that have gone without a word, and since when. */
  const gone = new Map<string, number>();

  /** Under the lock no two sessions, of however many instances, are given the same port. */
  async function launch(request: LaunchRequest): Promise<Session> {
    await mkdir(home, { recursive: true });
    const record = await alone(join(home, '.lock'), async () => {
      const known = await readRecord(join(home, request.press));
      if (known !== undefined) return known;
      const port = await pickPort(settings.ports, await listRecords(home));
      const created = await createRecord(home, { ...recordOf(request), port });
      play(created, request);
      return created;
    });
    return toSession(record);
  }

  /** The shell writes down who it is before it becomes the supervisor: no moment is left in which a restart could lose it. */
  function play(record: LocalRecord, request: LaunchRequest): void {
    const { folder, port } = record;
    const output = openSync(join(folder, 'output.log'), 'a');
    const child = spawn('/bin/sh', ['-c', BECOME, join(folder, 'process'), ...settings.supervisor], {
      cwd: join(folder, 'work'),
      detached: true,
      stdio: ['ignore', output, output],
      env: sessionEnvironment(env, request, { port, workdir: join(folder, 'work') }),
    });
    closeSync(output);
    child.once('error', error => writeExit(folder, { failed: error.message }));
    child.once('exit', (code, signal) => writeExit(folder, { code, signal }));
    child.unref();
  }

  function toSession(record: LocalRecord): Session {
    const { id, press, visitor, world, attempt, process, port } = record;
    const address = { host: settings.gameHost, port };
    return {
      ...{ id, press, visitor, world, attempt },
      where: process === undefined ? record.folder : `process ${process.pid}`,
      state: settled(record, stateOf(record, address)),
      costPerHour: 0,
    };
  }

  /** Whoever has started a process, if he still lives, writes down its exit a moment after it has gone. */
  function settled(record: LocalRecord, state: SessionState): SessionState {
    const { press, exit, stop } = record;
    if (state.phase !== 'ended' || exit !== undefined) {
      gone.delete(press);
      return state;
    }
    const sinceMs = gone.get(press) ?? Date.now();
    gone.set(press, sinceMs);
    return Date.now() - sinceMs < EXIT_MS ? { phase: 'ending', stopped: stop } : state;
  }

  return {
    kind: 'local',
    paceMs: PACE_MS,
    launch,
    list: async () => (await listRecords(home)).map(toSession),
    async stop({ press }, why) {
      const record = await readRecord(join(home, press));
      if (record?.process === undefined || !isBusy(record)) return;
      if (await isFirst(join(record.folder, 'stop'), why)) process.kill(record.process.pid, 'SIGTERM');
    },
    async recover(request) {
      await mkdir(home, { recursive: true });
      const output = openSync(join(home, `recovery-${request.name}.log`), 'a');
      const [file, ...args] = settings.supervisor;
      const child = spawn(file, [...args, ...recoverArguments(request)], {
        detached: true,
        stdio: ['ignore', output, output],
        env: withoutOwn(env),
      });
      closeSync(output);
      await once(child, 'spawn');
      child.unref();
    },
    async forget({ press }) {
      const record = await readRecord(join(home, press));
      if (record === undefined || isBusy(record)) return;
      await rm(record.folder, { recursive: true, force: true });
      gone.delete(press);
    },
    close() {
      // The sessions play on; nothing else is open.
    },
  };
}

const BECOME = 'cat "/proc/$$/stat" > "$0" 2>/dev/null || echo "$$" > "$0"; exec "$@"';

type NewRecord = Pick<LocalRecord, 'id' | 'press' | 'visitor' | 'world' | 'attempt' | 'port'>;

function recordOf({ id, press, visitor, world, attempt }: LaunchRequest): Omit<NewRecord, 'port'> {
  return { id, press, visitor, world, attempt };
}

/** A folder takes its name only when all is in it: there is no session of which half is known. */
async function createRecord(home: string, record: NewRecord): Promise<LocalRecord> {
  const draft = await mkdtemp(join(home, '.new-'));
  await mkdir(join(draft, 'work'));
  await writeFile(join(draft, 'record.json'), JSON.stringify(record));
  const folder = join(home, record.press);
  await rename(draft, folder);
  return { ...record, folder, process: undefined, stop: undefined, exit: undefined };
}

/** To the supervisor a second SIGTERM means to give everything up: only the first stop sends one. */
async function isFirst(file: string, why: StopReason): Promise<boolean> {
  try {
    await writeFile(file, why, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

function writeExit(folder: string, exit: object): void {
  try {
    writeFileSync(join(folder, 'exit.json'), JSON.stringify(exit));
  } catch (error) {
    // The folder has been removed meanwhile: nobody will ask.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function sessionEnvironment(
  env: LocalSurroundings['env'],
  request: LaunchRequest,
  { port, workdir }: { port: number; workdir: string },
): Record<string, string> {
  const filled = Object.entries(request.env).map(([name, value]) => [
    name,
    value.replaceAll('{port}', String(port)),
  ]);
  return {
    ...withoutOwn(env),
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_WORKDIR: workdir,
    ...Object.fromEntries(filled),
    TIMESTAMP: request.name,
  };
}

/** What is the manager's own is no session's: its secrets above all. */
function withoutOwn(env: LocalSurroundings['env']): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(?:SERVERMGR_|SESSION_|PORT$|TIMESTAMP$)/.test(entry[0]),
  );
  return Object.fromEntries(kept);
}
