import { closeSync, openSync, statSync, utimesSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeAtomically } from '../../../files/atomic-write.ts';
import { hasCode, unlessMissing } from '../../../files/errno.ts';
import type { ExitStatus } from '../../../process/exit-status.ts';
import { withLock } from '../../lock.ts';
import { IdentityColumns, identityColumns, type SessionIdentity } from '../identity.ts';
import { STOP_REASONS, type StopReason } from '../launcher.ts';
import { type ProcessIdentity, parseIdentity } from './process-identity.ts';

/** What a session listens on. */
export interface SessionPorts {
  readonly port: number;
  /** The agent's dashboard, if there is one. */
  readonly dashboardPort?: number | undefined;
}

/** What is known of one session of this machine. */
export interface LocalRecord extends SessionIdentity, SessionPorts {
  /** Holds the files named below, and the record itself. */
  readonly folder: string;
  /** undefined: it is being started. */
  readonly process: ProcessIdentity | undefined;
  /** Why it was stopped; undefined: it was not. */
  readonly stop: StopReason | undefined;
  readonly exit: RecordedExit | undefined;
}

export interface RecordedExit {
  readonly atMs: number;
  readonly code: number | undefined;
  readonly why: string | undefined;
}

/** Keeps the records of the sessions of this machine, for every instance of the manager on it. */
export interface LocalRecords {
  list(): Promise<readonly LocalRecord[]>;
  find(idempotencyKey: string): Promise<LocalRecord | undefined>;
  /**
   * In one step of which no other instance sees a half: the record of the idempotency key, or a new one.
   * @param choosePorts chooses the ports of a new session, other than those of the sessions that run
   */
  findOrCreate(
    identity: SessionIdentity,
    choosePorts: (others: readonly LocalRecord[]) => Promise<SessionPorts>,
  ): Promise<{ readonly record: LocalRecord; readonly created: boolean }>;
  /** Writes down that the session is to be stopped, unless that is known. */
  markStopped(record: LocalRecord, why: StopReason): Promise<void>;
  /**
   * In one step, of which no other instance does the same: whether this call is the one that signals the session.
   * @param beforeMs an earlier claim counts no more
   */
  claimSignal(record: LocalRecord, beforeMs: number): boolean;
  /** Does nothing when the record has been removed. */
  markExited(record: LocalRecord, exit: ExitStatus): Promise<void>;
  remove(record: LocalRecord): Promise<void>;
}

/** The files of a session besides its record. */
export const sessionFiles = ({ folder }: Pick<LocalRecord, 'folder'>) => ({
  workdir: join(folder, 'work'),
  /** stdout and stderr of the supervisor. */
  output: join(folder, 'output.log'),
  /** What `/proc/PID/stat` contained when the process was started, or its process ID alone. */
  identity: join(folder, 'process'),
});

/** What to do about the folder of a session whose record cannot be read. */
type OnUnreadable = (folder: string, error: unknown) => undefined;

function throwFault(_: string, error: unknown): never {
  throw error;
}

/** Records as folders, one a session, named by its idempotency key. @param home the folder of them all */
export function openRecords(home: string, onUnreadable: OnUnreadable = throwFault): LocalRecords {
  const find = (idempotencyKey: string) => readRecord(join(home, idempotencyKey));

  async function list(): Promise<readonly LocalRecord[]> {
    const names = (await unlessMissing(readdir(home))) ?? [];
    const keys = names.filter(name => IDEMPOTENCY_KEY.test(name));
    // One that cannot be read is no reason to start nothing else.
    const records = await Promise.all(
      keys.map(key => find(key).catch((error: unknown) => onUnreadable(join(home, key), error))),
    );
    return records.filter(record => record !== undefined);
  }

  return {
    list,
    find,
    async findOrCreate(identity, choosePorts) {
      await mkdir(home, { recursive: true });
      return withLock(join(home, '.lock'), async () => {
        const known = await find(identity.idempotencyKey);
        if (known !== undefined) return { record: known, created: false };
        const ports = await choosePorts(await list());
        return { record: await createRecord(home, identity, ports), created: true };
      });
    },
    async markStopped({ folder, stop }, why) {
      // As a whole: a full disk leaves an empty file otherwise, which says nothing.
      if (stop === undefined)
        await writeAtomically(join(folder, 'stop'), [Buffer.from(why)], { replace: true });
    },
    claimSignal({ folder }, beforeMs) {
      const file = join(folder, 'signalled');
      try {
        closeSync(openSync(file, 'wx'));
        return true;
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
        if (statSync(file).mtimeMs >= beforeMs) return false;
        utimesSync(file, new Date(), new Date());
        return true;
      }
    },
    async markExited({ folder }, exit) {
      const stored = 'failedToStart' in exit ? { failed: exit.failedToStart } : exit;
      await unlessMissing(writeFile(join(folder, 'exit.json'), JSON.stringify(stored)));
    },
    remove: ({ folder }) => rm(folder, { recursive: true, force: true }),
  };
}

const IDEMPOTENCY_KEY = /^[A-Za-z0-9_-]{22}$/;

/** The record is written last and whole: a folder without one is no session. */
async function createRecord(
  home: string,
  identity: SessionIdentity,
  ports: SessionPorts,
): Promise<LocalRecord> {
  const folder = join(home, identity.idempotencyKey);
  await mkdir(sessionFiles({ folder }).workdir, { recursive: true });
  const stored = JSON.stringify({ ...identityColumns(identity), ...ports });
  await writeAtomically(join(folder, 'record.json'), [Buffer.from(stored)], { replace: false });
  return { ...identity, ...ports, folder, process: undefined, stop: undefined, exit: undefined };
}

const StoredPorts = v.object({ port: v.number(), dashboardPort: v.optional(v.number()) });
const StoredRecord = v.intersect([IdentityColumns, StoredPorts]);

const StoredExit = v.object({
  code: v.optional(v.nullable(v.number())),
  signal: v.optional(v.nullable(v.string())),
  failed: v.optional(v.string()),
});

/** @returns undefined when there is no session in that folder. */
async function readRecord(folder: string): Promise<LocalRecord | undefined> {
  const stored = await readText(join(folder, 'record.json'));
  if (stored === undefined) return undefined;
  const [identity, stop, exit] = await Promise.all([
    readText(sessionFiles({ folder }).identity),
    readText(join(folder, 'stop')),
    readExit(folder),
  ]);
  return {
    ...v.parse(StoredRecord, JSON.parse(stored)),
    folder,
    process: identity === undefined ? undefined : parseIdentity(identity),
    stop: STOP_REASONS.find(reason => reason === stop),
    exit,
  };
}

async function readExit(folder: string): Promise<RecordedExit | undefined> {
  const file = join(folder, 'exit.json');
  const text = await readText(file);
  // It is empty for the moment in which it is being written.
  if (!text) return undefined;
  const { code, signal, failed } = v.parse(StoredExit, JSON.parse(text));
  const message = failed ?? (code === 0 ? undefined : await lastMessage(sessionFiles({ folder }).output));
  return {
    atMs: (await stat(file)).mtimeMs,
    code: code ?? undefined,
    why: message ?? (signal ? `ended by ${signal}` : undefined),
  };
}

/** The end of what the supervisor printed, without its log lines, which are JSON. */
async function lastMessage(file: string): Promise<string | undefined> {
  const output = (await readText(file)) ?? '';
  const lines = output.split('\n').filter(line => line.trim() !== '' && !line.startsWith('{'));
  return lines.slice(-4).join(' ').slice(-500) || undefined;
}

const readText = (file: string) => unlessMissing(readFile(file, 'utf8'));
