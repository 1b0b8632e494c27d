import * as v from 'valibot';
import { CLAIM_KEY } from '../journal/format/schema.ts';
import type { Recovered } from '../journal/reader/rebuild.ts';
import { type ObjectDigest, readText } from '../store/read.ts';
import type { Store } from '../store/store.ts';

const Claim = v.object({
  archiveKey: v.string(),
  reportKey: v.string(),
  session: v.optional(v.string()),
  coveredUntil: v.optional(v.string()),
  isFinished: v.boolean(),
  problems: v.array(v.object({ segment: v.string(), why: v.string() })),
  waiting: v.object({ files: v.number(), bytes: v.number(), paths: v.array(v.string()) }),
});

/**
 * What a recovery is about to make, and what it has found out. It is in the journal: whoever continues after an
 * interruption knows by it that an archive of that name is the journal's own.
 */
export type Claim = Readonly<v.InferOutput<typeof Claim>>;

/** An archive that was made out of a journal, read back, and found to be what was packed. */
export type RecoveredSession = Claim & ObjectDigest;

export function claimOf(archiveKey: string, reportKey: string, recovered: Recovered): Claim {
  const { about, coveredUntil, isFinished, problems, waiting } = recovered;
  return {
    archiveKey,
    reportKey,
    session: about?.session,
    coveredUntil,
    isFinished,
    problems: [...problems],
    waiting: { ...waiting, paths: [...waiting.paths] },
  };
}

export async function putClaim(
  store: Store,
  prefix: string,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  await store.put(claimKey(prefix), Buffer.from(JSON.stringify(claim)), { signal });
}

export async function readClaim(
  store: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const text = await readText(store, claimKey(prefix), { maxBytes: SMALL_BYTES, signal });
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Claim), text);
  return parsed.success ? parsed.output : undefined;
}

/** More than any report or claim holds. */
export const SMALL_BYTES: number = 16 * 1024 * 1024;

function claimKey(prefix: string): string {
  return `${prefix}/${CLAIM_KEY}`;
}
