import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_KEY } from '../config/key-template.ts';
import type { SaveConfig } from '../config/session-config.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { type Recovered, recoverJournal } from '../journal/reader/rebuild.ts';
import type { Takeover } from '../journal/takeover.ts';
import { digestOf } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { abortUploads } from './abort-uploads.ts';
import { placeOf } from './archive-name.ts';
import { type ArchivePlace, placeAt } from './archive-place.ts';
import { CLAIM_KEY, type ClaimedName, claimantOf, claimName } from './claim.ts';
import { deleteRecoveredJournal } from './dispose.ts';
import { findNoted, findStored, type Packing } from './earlier-recovery.ts';
import { readExperiment } from './experiment.ts';
import { notPackedOf } from './packed-whole.ts';
import { putIndex } from './put-index.ts';
import {
  isDamaged,
  planOf,
  putPlan,
  type RecoveredSession,
  type RecoveryPlan,
  withArchive,
} from './recovery-plan.ts';
import { putRecoveryReport } from './recovery-report.ts';
import { type SaveRuntime, saveArchive } from './save.ts';
import { noteUnreadable } from './unreadable.ts';

/** How an archive is made whose journal does not say so, and what a journal never says. */
export type PackDefaults = Pick<
  SaveConfig,
  'archiveName' | 'codec' | 'gzipLevel' | 'stallMs' | 'key' | 'experiment'
>;

export interface RecoveryRuntime extends SaveRuntime {
  /** Ends the recovery, which can be run again. */
  readonly signal: AbortSignal;
  /** An empty folder for the working directory while it is rebuilt. */
  readonly scratch: string;
  /** Deletes the journal also where the archive may lack something that it holds. */
  readonly discardDamaged: boolean;
  /** The journal is this recovery's alone; undefined: the store has no conditions, by which that could be had. */
  readonly takeover: Takeover | undefined;
}

/**
 * Makes the archive that a session would have made, out of its journal, reads it back, writes its report, and only then
 * deletes the journal, unless that is damaged: what could not be read may be read one day. Interrupted at any point, it
 * is simply run again.
 * @throws {JournalLeftError} when the archive is saved, and something of the journal may be left
 * @throws when the archive cannot be made or verified; the journal is kept then.
 */
export async function recoverSession(
  store: Store,
  journal: FoundJournal,
  defaults: PackDefaults,
  runtime: RecoveryRuntime,
): Promise<RecoveredSession> {
  const { signal, discardDamaged } = runtime;
  const recovered =
    (await findNoted(store, journal, signal)) ?? (await rebuildAndSave(store, journal, defaults, runtime));
  const damage = !isDamaged(recovered) ? 'none' : discardDamaged ? 'discarded' : 'kept';
  await putRecoveryReport(store, journal, { ...recovered, journalKept: damage === 'kept' }, signal);
  if (damage === 'kept') return recovered;
  const { sha256 } = recovered.archive;
  const evidence = { kind: 'read-back-digest', sha256, damage } as const;
  await deleteRecoveredJournal(store, journal, { evidence, archive: recovered.archiveKey }, runtime);
  return recovered;
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
    archiveFolder: store.url.startsWith('file:') ? fileURLToPath(store.url) : undefined,
    signal,
  });
  // Behind somebody else's fence segments may have gone before they were read, which is no damage.
  await runtime.takeover?.confirm();
  const [problem] = rebuilt.problems;
  if (rebuilt.about === undefined && problem !== undefined && !runtime.discardDamaged) {
    const why = `nothing of it can be read: ${problem.segment}: ${problem.why}`;
    await noteUnreadable(store, journal, why, signal);
    throw new Error(why);
  }
  const packing = packingOf(rebuilt, defaults, workdir);
  const stored = await findStored(store, journal, rebuilt, packing, runtime);
  if (stored !== undefined) {
    await abortUploads(store, stored.archiveKey, runtime);
    return stored;
  }
  let plan: RecoveryPlan | undefined;
  const saved = await saveArchive(
    {
      ...packing,
      listsFiles: true,
      targets: [
        {
          url: store.url,
          open: async () => store,
          async place(_, limit) {
            const place = await placeOfRecovered(store, journal, rebuilt, defaults, workdir, limit);
            return cleared(place, store, runtime);
          },
          inside: false,
          deadline: 'archiveAtDestination',
        },
      ],
      onPlace: async place => {
        plan = planOf(place, rebuilt, journal);
        await putPlan(store, journal.prefix, plan, signal);
      },
    },
    runtime,
  );
  if (saved.how !== 'archive' || plan === undefined) throw new Error(saved.faults.join('; '));
  const { sha256 } = saved.summary;
  const digest = await digestOf(store, plan.archiveKey, signal, sha256);
  if (digest?.sha256 !== sha256) {
    throw new Error(`${store.url}/${plan.archiveKey} is not what was uploaded`);
  }
  await putIndex(saved, runtime);
  const recovered = withArchive(plan, digest, notPackedOf(rebuilt, saved));
  await putPlan(store, journal.prefix, recovered, signal);
  return recovered;
}

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
      {
        name,
        conditions: journal.siblings.includes(CLAIM_KEY) ? 'honoured' : 'refused',
        isReadable: true,
      }
    : await claimName(store, claimant, { signal, root });
  const source = {
    template: key ?? (isClaimed ? defaults.key : DEFAULT_KEY),
    experiment: (await readExperiment(workdir, experiment ?? known)).id,
    archiveName: (about ?? defaults).archiveName,
    root,
  };
  return placeAt(store, claimed, source, claimant);
}

/** The place, and those after it, without what the session was uploading there; whether they turn out to be free or not. */
async function cleared(place: ArchivePlace, store: Store, runtime: RecoveryRuntime): Promise<ArchivePlace> {
  await abortUploads(store, place.archiveKey, runtime);
  return { ...place, next: async signal => cleared(await place.next(signal), store, runtime) };
}

/**
 * As the session itself would pack, as far as its journal tells, but all that there is: the journal has what was selected,
 * and some of that is under a name which the globs do not know.
 */
function packingOf(
  { about }: Recovered,
  { gzipLevel, stallMs, ...defaults }: PackDefaults,
  workdir: string,
): Packing {
  const { codec } = about ?? defaults;
  return {
    source: { root: workdir, include: [], exclude: [], excludedPaths: [] },
    // A recovery that was cut off knows its archive by the same bytes, which ISA-L promises for no other processor.
    archive: { codec, level: gzipLevel, deflate: 'zlib' },
    stallMs,
  };
}
