import type { FoundJournal } from '../journal/reader/find.ts';
import { type Amendment, readAmendment } from '../report/amendment.ts';
import { type FoundReport, parseReport } from '../report/schema.ts';
import { folderObject } from '../report/session-folder.ts';
import { readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { keyOf, placeOf } from './archive-name.ts';
import { SMALL_BYTES } from './recovery-plan.ts';

/** A saved session whose archive is to be replaced. */
export interface AmendedSession {
  /** The key of its folder. */
  readonly folder: string;
  readonly reportKey: string;
  readonly report: FoundReport & { readonly archive: NonNullable<FoundReport['archive']> };
  readonly journals: readonly FoundJournal[];
}

/** All that lies of a session and holds what its archive held: it goes when another archive is in its place. */
export interface Replaced {
  /** Its archives: the one that the report names, earlier ones, and what an amendment has left that was cut off. */
  readonly archives: readonly string[];
  /** What was made of them, and other reports of the same run. */
  readonly others: readonly string[];
  readonly journals: readonly FoundJournal[];
  /** The amendment that was cut off, or is still under way. */
  readonly before: Amendment | undefined;
}

/**
 * Finds what goes when the archive of a session is replaced. Nothing is changed.
 * @throws {Error} when its report names another archive than those of an amendment that was cut off
 */
export async function findReplaced(
  store: Store,
  { folder, reportKey, report, journals }: AmendedSession,
  signal: AbortSignal,
): Promise<Replaced> {
  const { root } = placeOf(folder);
  const made: string[] = [];
  const reports = new Map<string, FoundReport>();
  for await (const { key } of store.list(`${folder}/`, signal)) {
    const kind = folderObject(key.slice(folder.length + 1));
    if (kind === 'of-archive') made.push(key);
    if (kind !== 'report' || key === reportKey) continue;
    const found = parseReport((await readText(store, key, { maxBytes: SMALL_BYTES, signal })) ?? '');
    if (found !== undefined) reports.set(key, found);
  }
  const isOwn = ({ run }: FoundReport) => run !== undefined && run === report.run;
  const own = [...reports].filter(([, each]) => isOwn(each));
  const before = await readAmendment(store, folder, signal);
  const named = [report, ...own.map(([, each]) => each)].flatMap(archivesIn);
  const keys = new Set([...named, ...leftBy(before, report.archive.key)]);
  // The archive of another run of that name is none of this one's.
  for (const each of reports.values()) if (!isOwn(each)) for (const key of archivesIn(each)) keys.delete(key);
  const archives: string[] = [];
  for (const key of keys)
    if ((await store.exists(keyOf(root, key), signal)) !== false) archives.push(keyOf(root, key));
  return { archives, others: [...made, ...own.map(([key]) => key)], journals, before };
}

function archivesIn({ archive, earlierArchive }: FoundReport): string[] {
  return [archive, earlierArchive].flatMap(each => each?.key ?? []);
}

/** Those of an amendment: which of them is in force the report tells. */
function leftBy(before: Amendment | undefined, current: string): readonly string[] {
  if (before === undefined) return [];
  const keys = [before.archiveKey, ...before.oldKeys];
  if (!keys.includes(current))
    throw new Error(
      `its report names ${current}, and the amendment of ${before.since} is of ${keys.join(', ')}: find out which is the right one`,
    );
  return keys;
}
