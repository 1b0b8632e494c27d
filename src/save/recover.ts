import { hostname } from 'node:os';
import { join } from 'node:path';
import { pack } from '../archive/pack.ts';
import { DEFAULT_KEY } from '../config/key-template.ts';
import type { SaveConfig } from '../config/session-config.ts';
import { deleteJournal } from '../journal/delete.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { type Recovered, recoverJournal } from '../journal/reader/rebuild.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import { digestOf } from '../store/read.ts';
import { PermanentError, type Store } from '../store/store.ts';
import { placeOf } from './archive-name.ts';
import { type ArchivePlace, placeAt } from './archive-place.ts';
import { CLAIM_KEY, type ClaimedName, claimantOf, claimName } from './claim.ts';
import { readExperiment } from './experiment.ts';
import { planOf, putPlan, type RecoveredSession, type RecoveryPlan, readPlan } from './recovery-plan.ts';
import { putRecoveryReport } from './recovery-report.ts';
import { type SaveRequest, type SaveRuntime, saveArchive } from './save.ts';

/** How an archive is made whose journal does not say so, and what a journal never says. */
export type PackDefaults = Pick<
  SaveConfig,
  'archiveName' | 'codec' | 'include' | 'exclude' | 'gzipLevel' | 'stallMs' | 'key' | 'experiment'
>;

export interface RecoveryRuntime extends SaveRuntime {
  /** Ends the recovery, which can be run again. */
  readonly signal: AbortSignal;
  /** An empty folder for the working directory while it is rebuilt. */
  readonly scratch: string;
}

/**
 * Makes the archive that a session would have made, out of its journal, reads it back, writes its report, and only then
 * deletes the journal. Interrupted at any point, it is simply run again.
 * @throws when the archive cannot be made or verified; the journal is kept then.
 */
export async function recoverSession(
  store: Store,
  journal: FoundJournal,
  defaults: PackDefaults,
  runtime: RecoveryRuntime,
): Promise<RecoveredSession> {
  const { signal } = runtime;
  const recovered =
    (await resume(store, journal, signal)) ?? (await rebuildAndSave(store, journal, defaults, runtime));
  await putRecoveryReport(store, journal, recovered, signal);
  await deleteJournal(store, journal, { kind: 'read-back-digest', sha256: recovered.sha256 }, signal);
  return recovered;
}

/** An earlier recovery came as far as the archive, and was cut off before the journal was gone. */
async function resume(
  store: Store,
  journal: FoundJournal,
  signal: AbortSignal,
): Promise<RecoveredSession | undefined> {
  const plan = await readPlan(store, journal.prefix, signal);
  if (plan?.sha256 === undefined) return undefined;
  const digest = await digestOf(store, plan.archiveKey, signal, plan.sha256);
  return digest?.sha256 === plan.sha256 ? { ...plan, ...digest } : undefined;
}

async function rebuildAndSave(
  store: Store,
  journal: FoundJournal,
  defaults: PackDefaults,
  runtime: RecoveryRuntime,
): Promise<RecoveredSession> {
  const { signal, scratch } = runtime;
  const workdir = join(scratch, 'workdir');
  const rebuilt = await recoverJournal({
    destination: store,
    prefix: journal.prefix,
    folder: workdir,
    signal,
  });
  const packing = packingOf(rebuilt, defaults, workdir);
  const stored = await findStored(store, journal, packing, signal);
  if (stored !== undefined) return stored;
  let plan: RecoveryPlan | undefined;
  const saved = await saveArchive(
    {
      ...packing,
      targets: [
        {
          url: store.url,
          open: async () => store,
          place: (_, limit) => placeOfRecovered(store, journal, rebuilt, defaults, workdir, limit),
          inside: false,
          deadline: 'archiveAtDestination',
        },
      ],
      onPlace: async place => {
        plan = planOf(place, rebuilt);
        await putPlan(store, journal.prefix, plan, signal);
        await abortUploads(store, place, runtime);
      },
    },
    runtime,
  );
  if (saved.how !== 'archive' || plan === undefined) throw new Error(saved.faults.join('; '));
  const { sha256 } = saved.summary;
  await putPlan(store, journal.prefix, { ...plan, sha256 }, signal);
  const digest = await digestOf(store, plan.archiveKey, signal, sha256);
  if (digest?.sha256 !== sha256) {
    throw new Error(`${store.url}/${plan.archiveKey} is not what was uploaded`);
  }
  return { ...plan, ...digest };
}

/**
 * An earlier recovery may have been cut off between storing the archive and noting its digest: then what is at its key
 * is what would be packed now. Anything else there is somebody else's.
 */
async function findStored(
  store: Store,
  journal: FoundJournal,
  packing: Packing,
  signal: AbortSignal,
): Promise<RecoveredSession | undefined> {
  const plan = await readPlan(store, journal.prefix, signal);
  if (plan === undefined) return undefined;
  const digest = await digestOf(store, plan.archiveKey, signal);
  if (digest === undefined) return undefined;
  return digest.sha256 === (await digestOfPacked(packing, signal)) ? { ...plan, ...digest } : undefined;
}

async function digestOfPacked({ source, archive }: Packing, signal: AbortSignal): Promise<string> {
  const threads = compressionThreads();
  const packed = pack({ selection: source, ...archive, chunkBytes: DISCARDED_BYTES, threads, signal });
  for await (const chunk of packed.chunks) packed.releaseChunk(chunk);
  return packed.summary().sha256;
}

const DISCARDED_BYTES = 1024 * 1024;

/** Where the session itself would have put its archive. One of an earlier version has no name yet that it has claimed. */
async function placeOfRecovered(
  store: Store,
  journal: FoundJournal,
  { about, run }: Recovered,
  defaults: PackDefaults,
  workdir: string,
  signal: AbortSignal,
): Promise<ArchivePlace> {
  const { root, name, isClaimed, experiment: known } = placeOf(journal.session);
  const { key, experiment } = about ?? defaults;
  const claimant = claimantOf(name, run, hostname());
  const claimed: ClaimedName = isClaimed
    ? // Where conditions are refused no claim is under the common key.
      { name, conditions: journal.siblings.includes(CLAIM_KEY) ? 'honoured' : 'refused' }
    : await claimName(store, claimant, { signal, root });
  const source = {
    template: key ?? (isClaimed ? defaults.key : DEFAULT_KEY),
    experiment: (await readExperiment(workdir, experiment ?? known)).id,
    archiveName: (about ?? defaults).archiveName,
    root,
  };
  return placeAt(store, claimed, source, claimant);
}

/** What the session was uploading when it was killed, which nobody else would ever delete. */
async function abortUploads(
  store: Store,
  { archiveKey }: ArchivePlace,
  { log, signal }: RecoveryRuntime,
): Promise<void> {
  try {
    const uploads = await store.abortUploads(archiveKey, signal);
    if (uploads > 0)
      log.info({ event: 'uploads_aborted', key: archiveKey, uploads }, 'unfinished uploads aborted');
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    log.warn(
      { event: 'uploads_not_aborted', err: error, key: archiveKey },
      "unfinished uploads, if any, stay until the bucket's lifecycle rule deletes them",
    );
  }
}

type Packing = Pick<SaveRequest, 'source' | 'archive' | 'stallMs'>;

/** The session's own settings of how to pack, as far as its journal tells. */
function packingOf(
  { about }: Recovered,
  { gzipLevel, stallMs, ...defaults }: PackDefaults,
  workdir: string,
): Packing {
  const { codec, include, exclude } = about ?? defaults;
  return {
    source: { root: workdir, include, exclude, excludedPaths: [] },
    archive: { codec, level: gzipLevel },
    stallMs,
  };
}
