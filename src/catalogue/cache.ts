import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { writeAtomically } from '../files/atomic-write.ts';
import { readRegularFile } from '../files/open.ts';
import { SessionFacts } from './facts.ts';

/** What was read of sessions before, on the operator's disk. Nothing is ever deleted at a store because of it. */
export interface FactsCache {
  /** @param fingerprint of the session's objects as they are listed now */
  get(folder: string, fingerprint: string): SessionFacts | undefined;
  set(folder: string, fingerprint: string, facts: SessionFacts): void;
  /** Writes what was got or set, if anything is new. @throws when the disk does not take it */
  save(): Promise<void>;
}

/** Raised by a change of the facts, or of how they are read: a cache of another format is ignored. */
const FORMAT = 1;

const Header = v.object({ format: v.literal(FORMAT), destination: v.string() });
const Row = v.tuple([v.string(), v.string(), SessionFacts]);

/**
 * A file of this user's for a destination: below `$XDG_CACHE_HOME`, or `~/.cache`.
 * @param what it is of; default: the cache
 * @returns undefined: there is no home
 */
export function cacheFile(
  env: Readonly<Record<string, string | undefined>>,
  destination: string,
  what = 'jsonl',
): string | undefined {
  const { XDG_CACHE_HOME: given = '' } = env;
  // A relative path is to be ignored. https://specifications.freedesktop.org/basedir-spec/latest/
  const home = env.HOME || homedir();
  const base = isAbsolute(given) ? given : home && join(home, '.cache');
  const name = createHash('sha256').update(destination).digest('hex').slice(0, 32);
  return base ? join(base, 'craftassist-session', `${name}.${what}`) : undefined;
}

/** Opens a cache; one that is missing, damaged, of another version or another destination is as good as empty. */
export async function openCache(file: string, destination: string): Promise<FactsCache> {
  const before = await readRows(file, destination).catch(() => new Map<string, CachedRow>());
  const now = new Map<string, CachedRow>();
  let isChanged = false;
  return {
    get(folder, fingerprint) {
      const row = before.get(folder);
      if (row?.fingerprint !== fingerprint) return undefined;
      now.set(folder, row);
      return row.facts;
    },
    set(folder, fingerprint, facts) {
      now.set(folder, { fingerprint, facts });
      isChanged = true;
    },
    async save() {
      if (!isChanged && now.size === before.size) return;
      await writeAtomically(file, linesOf(destination, now), { replace: true, mode: 0o600 });
    },
  };
}

interface CachedRow {
  readonly fingerprint: string;
  readonly facts: SessionFacts;
}

/** @throws when it cannot be read, or its first line is not that of this format and this destination */
async function readRows(file: string, destination: string): Promise<Map<string, CachedRow>> {
  const [first = '', ...lines] = (await readRegularFile(file)).toString().split('\n');
  if (v.parse(Header, JSON.parse(first)).destination !== destination) return new Map();
  const rows = new Map<string, CachedRow>();
  for (const line of lines) {
    const row = v.safeParse(v.pipe(v.string(), v.parseJson(), Row), line);
    // A line that is damaged is read anew at the store.
    if (row.success) rows.set(row.output[0], { fingerprint: row.output[1], facts: row.output[2] });
  }
  return rows;
}

function* linesOf(destination: string, rows: ReadonlyMap<string, CachedRow>): Generator<Buffer> {
  yield Buffer.from(`${JSON.stringify({ format: FORMAT, destination })}\n`);
  let lines: string[] = [];
  for (const [folder, { fingerprint, facts }] of rows) {
    lines.push(`${JSON.stringify([folder, fingerprint, facts])}\n`);
    if (lines.length < LINES_AT_ONCE) continue;
    yield Buffer.from(lines.join(''));
    lines = [];
  }
  yield Buffer.from(lines.join(''));
}

const LINES_AT_ONCE = 1_000;
