import { createHash, randomUUID } from 'node:crypto';
import { type Dirent, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { DeletionEvidence } from '../../src/journal/delete.ts';
import type { JournalAbout, StoredJournal } from '../../src/journal/format/schema.ts';
import { type Recovered, recoverJournal } from '../../src/journal/reader/rebuild.ts';
import { type Journal, startJournal } from '../../src/journal/writer/journal.ts';
import type { JournalOptions, JournalProblem } from '../../src/journal/writer/options.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';

export const about: JournalAbout = {
  session: 'now',
  archiveName: 'logs.tar.gz',
  codec: 'gzip',
  include: [],
  exclude: [],
  version: 'test',
};

export interface JournalFixture {
  /** The working directory. */
  readonly work: string;
  /** The destination's folder. */
  readonly store: string;
  readonly destination: Store;
  readonly problems: JournalProblem[];
  start(options?: Partial<JournalOptions>): Journal;
  recover(prefix?: string): Promise<Recovered & { readonly folder: string }>;
}

/** A working directory and a destination, gone when the test is. */
export async function openJournalFixture(): Promise<JournalFixture> {
  const scratch = await mkdtemp(join(tmpdir(), 'journal-'));
  onTestFinished(() => rm(scratch, { recursive: true, force: true }));
  const [work, store] = [join(scratch, 'work'), join(scratch, 'store')];
  await mkdir(work);
  const destination = openDirectoryStore(store);
  const problems: JournalProblem[] = [];
  const journals: Journal[] = [];
  onTestFinished(async () => {
    await Promise.all(
      journals.map(journal => journal.finish(AbortSignal.abort(new Error('the test is over')))),
    );
  });
  let recoveries = 0;
  return {
    work,
    store,
    destination,
    problems,
    start(options) {
      const journal = startJournal({
        selection: { root: work, include: [], exclude: [], excludedPaths: [] },
        intervalMs: 50,
        rewriteIntervalMs: 60_000,
        heartbeatMs: 60_000,
        scratch: tmpdir(),
        prefix: 'now/journal',
        run: randomUUID(),
        ifAbsent: true,
        heedsFences: true,
        sinceMs: Date.now(),
        about,
        onProblem: problem => problems.push(problem),
        ...options,
        destination: withRetry(options?.destination ?? destination),
      });
      journals.push(journal);
      return journal;
    },
    async recover(prefix = 'now/journal') {
      recoveries += 1;
      const folder = join(scratch, `recovered-${recoveries}`);
      const signal = AbortSignal.timeout(60_000);
      return { ...(await recoverJournal({ destination, prefix, folder, signal })), folder };
    },
  };
}

/** Never aborts. */
export const patient: AbortSignal = new AbortController().signal;

/** What a journal's writer has put at the store. */
export function storedBy(journal: Journal): StoredJournal {
  const stored = journal.stored();
  if (stored === undefined) throw new Error('the journal has no segment');
  return stored;
}

/** For the deletion of a journal that nobody needs. */
export const SAVED_BEFORE: DeletionEvidence = { kind: 'saved-before', session: 'now' };

/** Everything below a folder: kind, mode and content or target of each path; file times too. */
export function treeOf(folder: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (path: Buffer, name: string): void => {
    const entries: Dirent<Buffer>[] = readdirSync(path, { withFileTypes: true, encoding: 'buffer' });
    for (const entry of entries) {
      const inner = Buffer.concat([path, Buffer.from('/'), entry.name]);
      const key = `${name}${entry.name.toString('latin1')}`;
      const stats = lstatSync(inner, { bigint: true });
      if (entry.isDirectory()) {
        tree[key] = `folder ${(stats.mode & 0o777n).toString(8)}`;
        visit(inner, `${key}/`);
      } else if (entry.isSymbolicLink()) tree[key] = `link ${readlinkSync(inner, 'latin1')}`;
      else if (entry.isFile()) {
        const digest = createHash('sha256').update(readFileSync(inner)).digest('hex');
        tree[key] =
          `file ${(stats.mode & 0o777n).toString(8)} ${stats.mtimeNs / 1_000_000n} ${stats.size} ${digest}`;
      }
    }
  };
  visit(Buffer.from(folder), '');
  return tree;
}

/** The paths of the segments in a journal's folder, in their order. */
export async function segmentsIn(journal: string): Promise<string[]> {
  const names = await readdir(journal);
  return names
    .filter(name => name.endsWith('.tar.gz'))
    .sort()
    .map(name => join(journal, name));
}

export async function unzipped(file: string): Promise<Buffer> {
  return gunzipSync(await readFile(file));
}
