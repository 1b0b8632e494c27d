import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileExistsError, moveBeside, writeAtomically } from '../../../files/atomic-write.ts';
import { unlessMissing } from '../../../files/errno.ts';
import type { ExitStatus } from '../../../process/exit-status.ts';
import { withLock } from '../../lock.ts';
import { randomToken } from '../../session-id.ts';
import { identityColumns } from '../identity.ts';
import type { StopReason } from '../launcher.ts';
import {
  type LocalRecord,
  type NewSession,
  RECORD_FILE,
  readRecord,
  readStop,
  type SessionPorts,
  STOP_FILE,
  sessionFiles,
  wasStarted,
} from './record.ts';
import { occupiesPort } from './state.ts';

/** Keeps the records of the sessions of this machine, for every instance of the manager on it. */
export interface LocalRecords {
  list(): Promise<readonly LocalRecord[]>;
  find(idempotencyKey: string): Promise<LocalRecord | undefined>;
  /**
   * In one step of which no other instance sees a half: the record of the idempotency key, or a new one.
   * @param choosePorts chooses the ports of a session, other than those of the sessions that run
   */
  findOrCreate(
    session: NewSession,
    choosePorts: (others: readonly LocalRecord[]) => Promise<SessionPorts>,
  ): Promise<LocalRecord>;
  /**
   * Writes down that the session is to be stopped, unless that is known.
   * @returns whether this call, of those of all instances, has
   */
  claimStop(record: LocalRecord, why: StopReason): Promise<boolean>;
  /** Does nothing when the record has been removed. */
  markExited(record: LocalRecord, exit: ExitStatus): Promise<void>;
  remove(record: LocalRecord): Promise<void>;
}

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
    async findOrCreate(session, choosePorts) {
      await mkdir(home, { recursive: true });
      return withLock(join(home, LOCK), async () => {
        const known = await find(session.idempotencyKey);
        // One that was never started may have lost its ports, and is recorded anew.
        if (known !== undefined && (occupiesPort(known) || wasStarted(known))) return known;
        const ports = await choosePorts(await list());
        return writeRecord(home, known ?? session, { ports, replace: known !== undefined });
      });
    },
    async claimStop({ folder, stop }, why) {
      if (stop !== undefined) return false;
      const file = join(folder, STOP_FILE);
      // As a whole: a full disk leaves an empty file otherwise, which says nothing.
      const write = (replace: boolean) => writeAtomically(file, [Buffer.from(why)], { replace });
      try {
        await write(false);
      } catch (error) {
        if ((await readStop(folder)) !== undefined) return false;
        if (!(error instanceof FileExistsError)) throw error;
        await write(true);
      }
      return true;
    },
    async markExited({ folder }, exit) {
      const stored = 'failedToStart' in exit ? { failed: exit.failedToStart } : exit;
      await unlessMissing(writeFile(join(folder, 'exit.json'), JSON.stringify(stored)));
    },
    async remove({ folder }) {
      // At once, and then bit by bit: a death in between leaves no folder that has lost its record, and holds data.
      const removed = join(home, `${REMOVED}${randomToken()}`);
      await unlessMissing(moveBeside(folder, removed));
      await rm(removed, { recursive: true, force: true });
    },
  };
}

/** The name of the lock under which records are made. */
export const LOCK = '.lock';
/** What the name of a folder begins with whose session is being removed. */
export const REMOVED = '.removed-';
export const IDEMPOTENCY_KEY = /^[A-Za-z0-9_-]{22}$/;

/** The record is written last and whole: a folder without one is no session. */
async function writeRecord(
  home: string,
  session: NewSession,
  { ports, replace }: { readonly ports: SessionPorts; readonly replace: boolean },
): Promise<LocalRecord> {
  const folder = join(home, session.idempotencyKey);
  await mkdir(sessionFiles({ folder }).workdir, { recursive: true });
  const { stopTimeoutMs } = session;
  const stored = JSON.stringify({ ...identityColumns(session), ...ports, stopTimeoutMs });
  await writeAtomically(join(folder, RECORD_FILE), [Buffer.from(stored)], { replace });
  const record = await readRecord(folder);
  if (record === undefined) throw new Error(`the record of a session has vanished: ${folder}`);
  return record;
}
