import { pack } from '../archive/pack.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import type { Recovered } from '../journal/reader/rebuild.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import { digestOf } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { notPackedOf } from './packed-whole.ts';
import { type PutIndexRuntime, putIndex } from './put-index.ts';
import {
  isDamaged,
  isExtentOf,
  isPackedInPart,
  planOf,
  putPlan,
  type RecoveredSession,
  type RecoveryPlan,
  readPlan,
  withArchive,
} from './recovery-plan.ts';
import type { SaveRequest } from './save-request.ts';

/** What is packed, and how. */
export type Packing = Pick<SaveRequest, 'source' | 'archive' | 'stallMs'>;

/**
 * What an earlier recovery has found out about a journal that it kept since it is damaged, and that has not changed.
 * Undefined: there was none, or its archive is gone, or lacks what another try may have: the disk, or the user, may be
 * another one.
 */
export async function findDamaged(
  store: Store,
  journal: FoundJournal,
  signal: AbortSignal,
): Promise<RecoveryPlan | undefined> {
  const noted = await readNoted(store, journal, signal);
  if (noted === undefined || noted.problems.length === 0 || isPackedInPart(noted)) return undefined;
  for await (const { key, bytes } of store.list(noted.archiveKey, signal))
    if (key === noted.archiveKey) return bytes === noted.archive.bytes ? noted : undefined;
  return undefined;
}

/**
 * An earlier recovery came as far as the archive of a whole journal, and was cut off before that was gone. A damaged one
 * is read again: nobody may have noticed that it was mended.
 */
export async function findNoted(
  store: Store,
  journal: FoundJournal,
  signal: AbortSignal,
): Promise<RecoveredSession | undefined> {
  const noted = await readNoted(store, journal, signal);
  if (noted === undefined || isDamaged(noted)) return undefined;
  const { sha256 } = noted.archive;
  const digest = await digestOf(store, noted.archiveKey, signal, sha256);
  return digest?.sha256 === sha256 ? noted : undefined;
}

/** undefined: it noted no archive, or the journal has changed since. */
async function readNoted(store: Store, journal: FoundJournal, signal: AbortSignal) {
  const plan = await readPlan(store, journal.prefix, signal);
  if (plan?.archive === undefined || !isExtentOf(plan.journal, journal)) return undefined;
  return { ...plan, archive: plan.archive } satisfies RecoveredSession;
}

/**
 * An earlier recovery may have been cut off between storing the archive and noting its digest: then what is at its key
 * is what would be packed now. Anything else there is somebody else's.
 */
export async function findStored(
  store: Store,
  journal: FoundJournal,
  rebuilt: Recovered,
  packing: Packing,
  { log, signal }: PutIndexRuntime,
): Promise<RecoveredSession | undefined> {
  const plan = await readPlan(store, journal.prefix, signal);
  if (plan === undefined) return undefined;
  const digest = await digestOf(store, plan.archiveKey, signal);
  if (digest === undefined) return undefined;
  const packed = await packAway(packing, signal);
  if (digest.sha256 !== packed.summary.sha256) return undefined;
  await putIndex({ store, index: packed.index, reportKey: plan.reportKey }, { log, signal });
  const found = withArchive(planOf(plan, rebuilt, journal), digest, notPackedOf(rebuilt, packed));
  await putPlan(store, journal.prefix, found, signal);
  return found;
}

async function packAway({ source, archive }: Packing, signal: AbortSignal) {
  const threads = compressionThreads();
  const files = new Map<string, number>();
  const onFile = (path: Buffer, bytes: number) => files.set(path.toString('latin1'), bytes);
  const packed = pack({
    selection: source,
    ...archive,
    chunkBytes: DISCARDED_BYTES,
    threads,
    signal,
    onFile,
  });
  for await (const chunk of packed.chunks) packed.releaseChunk(chunk);
  return { summary: packed.summary(), index: packed.index(), files };
}

const DISCARDED_BYTES = 1024 * 1024;
