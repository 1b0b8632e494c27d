import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { Recovered } from '../journal/reader/rebuild.ts';
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
 * What a recovery is about to make, and what it has found out. It lies in the journal: whoever continues after an
 * interruption knows by it that an archive of that name is the journal's own.
 */
export type Claim = Readonly<v.InferOutput<typeof Claim>>;

/** What was found when an archive was read back. */
export interface ArchiveDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** An archive that was made out of a journal, read back, and found to be what was packed. */
export type RecoveredSession = Claim & ArchiveDigest;

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
  const text = await readSmall(store, claimKey(prefix), signal);
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Claim), text);
  return parsed.success ? parsed.output : undefined;
}

/** Reads an archive back; undefined: it is not there. */
export async function digestOf(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<ArchiveDigest | undefined> {
  const chunks = await store.get(key, signal);
  if (chunks === undefined) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** More than any report or claim holds. */
const SMALL_BYTES = 16 * 1024 * 1024;

/** Reads a small object as text; undefined: it is not there, or not small. */
export async function readSmall(store: Store, key: string, signal: AbortSignal): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (await store.get(key, signal)) ?? []) {
    bytes += chunk.length;
    if (bytes > SMALL_BYTES) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 0 ? undefined : Buffer.concat(chunks).toString('utf8');
}

function claimKey(prefix: string): string {
  return `${prefix}/recovery.json`;
}
