import * as v from 'valibot';
import { PLAN_KEY } from '../journal/format/schema.ts';
import type { Recovered } from '../journal/reader/rebuild.ts';
import { type ObjectDigest, readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import type { ArchivePlace } from './archive-place.ts';

const Plan = v.object({
  archiveKey: v.string(),
  reportKey: v.string(),
  session: v.optional(v.string()),
  sha256: v.optional(v.string()),
  coveredUntil: v.optional(v.string()),
  isFinished: v.boolean(),
  problems: v.array(v.object({ segment: v.string(), why: v.string() })),
  waiting: v.object({ files: v.number(), bytes: v.number(), paths: v.array(v.string()) }),
});

/**
 * What a recovery is about to make, and what it has found out; with the digest of the archive once that is stored. It is
 * in the journal, for whoever continues after an interruption.
 */
export type RecoveryPlan = Readonly<v.InferOutput<typeof Plan>>;

/** An archive that was made out of a journal, read back, and found to be what was packed. */
export type RecoveredSession = RecoveryPlan & ObjectDigest;

export function planOf({ archiveKey, reportKey, session }: ArchivePlace, recovered: Recovered): RecoveryPlan {
  const { coveredUntil, isFinished, problems, waiting } = recovered;
  return {
    archiveKey,
    reportKey,
    session,
    coveredUntil,
    isFinished,
    problems: [...problems],
    waiting: { ...waiting, paths: [...waiting.paths] },
  };
}

export async function putPlan(
  store: Store,
  prefix: string,
  plan: RecoveryPlan,
  signal: AbortSignal,
): Promise<void> {
  await store.put(planKey(prefix), Buffer.from(JSON.stringify(plan)), { signal });
}

export async function readPlan(
  store: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<RecoveryPlan | undefined> {
  const text = await readText(store, planKey(prefix), { maxBytes: SMALL_BYTES, signal });
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Plan), text);
  return parsed.success ? parsed.output : undefined;
}

/** More than any report or plan holds. */
export const SMALL_BYTES: number = 16 * 1024 * 1024;

function planKey(prefix: string): string {
  return `${prefix}/${PLAN_KEY}`;
}
