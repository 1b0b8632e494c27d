import * as v from 'valibot';
import type { CappedListSummary } from '../archive/skipped.ts';
import { PLAN_KEY } from '../journal/format/schema.ts';
import { seal, unseal } from '../journal/format/sealed.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import type { Recovered } from '../journal/reader/rebuild.ts';
import { RecoveredFiles, Skipped } from '../report/schema.ts';
import { type ObjectDigest, readVerified } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { recoveredFiles } from './recovered-files.ts';

/** As much of a journal as was read. `lastWrittenMs` is missing in plans of earlier versions, which count as changed. */
export const Extent = v.object({
  segments: v.number(),
  bytes: v.number(),
  lastWrittenMs: v.optional(v.number()),
});

type Extent = Readonly<v.InferOutput<typeof Extent>>;

/** How far a journal goes by now. */
export function extentOf({ segments, bytes, lastWrittenMs }: FoundJournal): Extent {
  return { segments, bytes, lastWrittenMs };
}

/** Whether that is all of a journal by now: a segment may have been mended without a change of its size. */
export function isExtentOf(extent: Extent | undefined, now: FoundJournal): boolean {
  return (
    extent?.segments === now.segments &&
    extent.bytes === now.bytes &&
    extent.lastWrittenMs === now.lastWrittenMs
  );
}

const Plan = v.object({
  archiveKey: v.string(),
  reportKey: v.string(),
  session: v.optional(v.string()),
  /** Of the session, for its report; missing where it has none. */
  labels: v.optional(v.record(v.string(), v.string())),
  /** The run whose journal it is of. */
  run: v.optional(v.string()),
  coveredUntil: v.optional(v.string()),
  isFinished: v.boolean(),
  problems: v.array(v.object({ segment: v.string(), why: v.string() })),
  waiting: v.object({ files: v.number(), bytes: v.number(), paths: v.array(v.string()) }),
  /** Missing in plans of earlier versions, as is `journal`. */
  files: v.optional(RecoveredFiles),
  journal: v.optional(Extent),
  /** Once it is stored. */
  archive: v.optional(v.object({ bytes: v.number(), sha256: v.string() })),
  notPacked: v.optional(Skipped),
});

/**
 * What a recovery is about to make, and what it has found out; with its archive once that is stored. It is in the
 * journal, for whoever continues after an interruption, or comes by a journal that was kept.
 */
export type RecoveryPlan = Readonly<v.InferOutput<typeof Plan>>;

/** Whether the archive may lack what the journal holds, or has held: nobody but a person deletes the journal then. */
export function isDamaged(plan: RecoveryPlan): boolean {
  return plan.problems.length > 0 || isPackedInPart(plan);
}

/** Whether the archive lacks something that was rebuilt. */
export function isPackedInPart({ notPacked }: RecoveryPlan): boolean {
  return (notPacked?.total ?? 0) > 0;
}

/** An archive that was made out of a journal, read back, and found to be what was packed. */
export type RecoveredSession = RecoveryPlan & { readonly archive: ObjectDigest };

export function planOf(
  { archiveKey, reportKey, session }: Pick<RecoveryPlan, 'archiveKey' | 'reportKey' | 'session'>,
  recovered: Recovered,
  journal: FoundJournal,
): RecoveryPlan {
  const { about, run, coveredUntil, isFinished, problems, waiting } = recovered;
  return {
    archiveKey,
    reportKey,
    session,
    labels: about?.labels,
    run,
    coveredUntil,
    isFinished,
    problems: [...problems],
    waiting: { ...waiting, paths: [...waiting.paths] },
    files: recoveredFiles(recovered),
    journal: extentOf(journal),
  };
}

/** The same once its archive is stored. @param notPacked what it lacks */
export function withArchive(
  plan: RecoveryPlan,
  archive: ObjectDigest,
  { total, first }: CappedListSummary,
): RecoveredSession {
  return { ...plan, archive: { ...archive }, notPacked: { total, first: [...first] } };
}

export async function putPlan(
  store: Store,
  prefix: string,
  plan: RecoveryPlan,
  signal: AbortSignal,
): Promise<void> {
  await store.put(planKey(prefix), Buffer.from(seal(plan)), { signal });
}

export async function readPlan(
  store: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<RecoveryPlan | undefined> {
  const options = { maxBytes: SMALL_BYTES, signal };
  const read = await readVerified(store, planKey(prefix), options, object =>
    v.parse(Plan, unseal(object.toString())),
  );
  return read !== undefined && 'value' in read ? read.value : undefined;
}

/** More than any report or plan holds. */
export const SMALL_BYTES: number = 16 * 1024 * 1024;

/** Where a recovery notes what it has found out about a journal. */
export function planKey(prefix: string): string {
  return `${prefix}/${PLAN_KEY}`;
}
