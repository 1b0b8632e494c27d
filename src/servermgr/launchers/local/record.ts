import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { unlessMissing } from '../../../files/errno.ts';
import { USUAL_STOP_TIMEOUT_MS } from '../hang.ts';
import { IdentityColumns, type SessionIdentity } from '../identity.ts';
import { STOP_REASONS, type StopReason } from '../launcher.ts';
import { type ProcessIdentity, parseIdentity } from './process-identity.ts';

/** What a session listens on. */
export interface SessionPorts {
  readonly port: number;
  /** The agent's dashboard, if there is one. */
  readonly dashboardPort?: number | undefined;
}

/** What is known of a session before it is started. */
export interface NewSession extends SessionIdentity {
  /** Within which time it ends when it is asked to. */
  readonly stopTimeoutMs: number;
}

/** What is known of one session of this machine. */
export interface LocalRecord extends NewSession, SessionPorts {
  /** Holds the files named below, and the record itself. */
  readonly folder: string;
  /** When its start began, as far as it is known. */
  readonly recordedMs: number;
  /** undefined: it is being started. */
  readonly process: ProcessIdentity | undefined;
  /** undefined: it was not stopped. */
  readonly stop: { readonly why: StopReason; readonly atMs: number } | undefined;
  readonly exit: RecordedExit | undefined;
}

export interface RecordedExit {
  readonly atMs: number;
  readonly code: number | undefined;
  readonly why: string | undefined;
}

export const RECORD_FILE = 'record.json';
export const STOP_FILE = 'stop';
/** What the folder of a session may hold before it has a record, besides which it holds nothing. */
export const UNRECORDED_FILES = { workdir: 'work', part: `${RECORD_FILE}.part` } as const;

/** The files of a session besides its record. */
export const sessionFiles = ({ folder }: Pick<LocalRecord, 'folder'>) => ({
  workdir: join(folder, UNRECORDED_FILES.workdir),
  /** stdout and stderr of the supervisor. */
  output: join(folder, 'output.log'),
  /** What `/proc/PID/stat` contained when the process was started, or its process ID alone. */
  identity: join(folder, 'process'),
});

/** Whether its process has been started, or could not be. */
export function wasStarted({ process, exit }: LocalRecord): boolean {
  return process !== undefined || exit !== undefined;
}

const StoredPorts = v.object({ port: v.number(), dashboardPort: v.optional(v.number()) });
/** Records of earlier versions have none. */
const StoredTimeout = v.object({ stopTimeoutMs: v.optional(v.number(), USUAL_STOP_TIMEOUT_MS) });
const StoredRecord = v.intersect([IdentityColumns, StoredPorts, StoredTimeout]);

const StoredExit = v.object({
  code: v.optional(v.nullable(v.number())),
  signal: v.optional(v.nullable(v.string())),
  failed: v.optional(v.string()),
});

/** @returns undefined when there is no session in that folder. */
export async function readRecord(folder: string): Promise<LocalRecord | undefined> {
  const file = join(folder, RECORD_FILE);
  const [stored, stats] = await Promise.all([readText(file), unlessMissing(stat(file))]);
  if (stored === undefined || stats === undefined) return undefined;
  const [identity, stop, exit] = await Promise.all([
    readText(sessionFiles({ folder }).identity),
    readStop(folder),
    readExit(folder),
  ]);
  return {
    ...v.parse(StoredRecord, JSON.parse(stored)),
    folder,
    recordedMs: stats.mtimeMs,
    process: identity === undefined ? undefined : parseIdentity(identity),
    stop,
    exit,
  };
}

/** @returns undefined where nobody has stopped the session of that folder. */
export async function readStop(folder: string): Promise<LocalRecord['stop']> {
  const file = join(folder, STOP_FILE);
  const [text, stats] = await Promise.all([readText(file), unlessMissing(stat(file))]);
  const why = STOP_REASONS.find(reason => reason === text);
  return why === undefined || stats === undefined ? undefined : { why, atMs: stats.mtimeMs };
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
