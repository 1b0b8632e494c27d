import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Address } from '../../../config/session-config.ts';
import { askedAtMs } from '../../session-id.ts';
import { type SessionEnded, type SessionState, STOP_REASONS, type StopReason } from '../launcher.ts';
import { isRunning, type ProcessIdentity, parseIdentity } from './process.ts';

/** All that the folder of one session tells. */
export interface LocalRecord {
  readonly folder: string;
  readonly id: string;
  readonly press: string;
  readonly visitor: string;
  readonly world: string;
  readonly attempt: number;
  readonly port: number;
  readonly process: ProcessIdentity | undefined;
  readonly stop: StopReason | undefined;
  readonly exit: Exit | undefined;
}

interface Exit {
  readonly atMs: number;
  readonly code: number | undefined;
  readonly why: string | undefined;
}

const StoredRecord = v.object({
  id: v.string(),
  press: v.string(),
  visitor: v.string(),
  world: v.string(),
  attempt: v.number(),
  port: v.number(),
});

const StoredExit = v.object({
  code: v.optional(v.nullable(v.number())),
  signal: v.optional(v.nullable(v.string())),
  failed: v.optional(v.string()),
});

/** A press whose process has not shown up after so long never will. */
const START_LIMIT_MS = 30_000;

/** Every session that has a folder. */
export async function listRecords(home: string): Promise<readonly LocalRecord[]> {
  const names = await readdir(home).catch(whenMissing([]));
  const sessions = names.filter(name => /^[A-Za-z0-9_-]{22}$/.test(name));
  const records = await Promise.all(sessions.map(name => readRecord(join(home, name))));
  return records.filter(record => record !== undefined);
}

/** One session; undefined: there is none in that folder. */
export async function readRecord(folder: string): Promise<LocalRecord | undefined> {
  const text = (name: string) => readFile(join(folder, name), 'utf8').catch(whenMissing(undefined));
  const stored = await text('record.json');
  if (stored === undefined) return undefined;
  const [identity, stop, exit] = await Promise.all([text('process'), text('stop'), text('exit.json')]);
  return {
    ...v.parse(StoredRecord, JSON.parse(stored)),
    folder,
    process: identity === undefined ? undefined : parseIdentity(identity),
    stop: STOP_REASONS.find(reason => reason === stop),
    exit: await readExit(folder, exit),
  };
}

/** What of it there is to tell when the process is gone: its exit, as far as anybody saw it, and its last words. */
async function readExit(folder: string, text: string | undefined): Promise<Exit | undefined> {
  if (!text) return undefined;
  const { code, signal, failed } = v.parse(StoredExit, JSON.parse(text));
  const { mtimeMs } = await stat(join(folder, 'exit.json'));
  const words = failed ?? (code === 0 ? undefined : await lastWords(join(folder, 'output.log')));
  const how = signal ? `ended by ${signal}` : undefined;
  return { atMs: mtimeMs, code: code ?? undefined, why: words ?? how };
}

/** The state of a session at this moment. */
export function stateOf(record: LocalRecord, address: Address): SessionState {
  const { process, stop, exit, port } = record;
  const asked = askedAtMs(record.id) ?? 0;
  if (exit !== undefined) return ended(exit, stop);
  if (process === undefined) {
    return Date.now() - asked < START_LIMIT_MS
      ? { phase: 'asked' }
      : ended({ atMs: asked, code: undefined, why: 'its process was never started' }, stop);
  }
  if (!isRunning(process)) return ended({ atMs: undefined, code: undefined, why: undefined }, stop);
  if (stop !== undefined) return { phase: 'ending', stopped: stop };
  return { phase: 'running', address, pingAddress: { host: '127.0.0.1', port }, sinceMs: asked };
}

function ended(
  { atMs, code, why }: { atMs: number | undefined; code: number | undefined; why: string | undefined },
  stopped: StopReason | undefined,
): SessionEnded {
  return { phase: 'ended', atMs, exitCode: code, why, stopped, lackedCapacity: false };
}

/** The end of what the supervisor printed, when that is for people: log lines are not. */
async function lastWords(file: string): Promise<string | undefined> {
  const output = await readFile(file, 'utf8').catch(whenMissing(''));
  const lines = output.split('\n').filter(line => line.trim() !== '' && !line.startsWith('{'));
  return lines.slice(-4).join(' ').slice(-500) || undefined;
}

function whenMissing<T>(value: T): (error: unknown) => T {
  return error => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return value;
    throw error;
  };
}
