import { basename, join } from 'node:path';
import type { SaveConfig } from '../config/session-config.ts';
import { deleteJournal } from '../journal/delete.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { type Recovered, recoverJournal } from '../journal/reader/rebuild.ts';
import { digestOf } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { keyOf, splitKey } from './archive-name.ts';
import { sessionFolder } from './experiment-id.ts';
import { type Claim, claimOf, putClaim, type RecoveredSession, readClaim } from './recovery-claim.ts';
import { putRecoveryReport } from './recovery-report.ts';
import { type SaveRequest, type SaveRuntime, saveArchive } from './save.ts';

/** How an archive is made whose journal does not say so, and what a journal never says. */
export type PackDefaults = Pick<
  SaveConfig,
  'archiveName' | 'codec' | 'include' | 'exclude' | 'gzipLevel' | 'stallMs'
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
  const claim = await readClaim(store, journal.prefix, signal);
  if (claim === undefined) return undefined;
  const digest = await digestOf(store, claim.archiveKey, signal);
  return digest && { ...claim, ...digest };
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
  const { parent, folder: known } = splitKey(journal.session);
  const { folder } = await sessionFolder(workdir, rebuilt.about?.session ?? basename(known));
  let claim: Claim | undefined;
  const saved = await saveArchive(
    {
      ...packingOf(rebuilt, defaults, workdir),
      targets: [
        {
          url: store.url,
          open: async () => store,
          folder: keyOf(parent, folder),
          inside: false,
          deadline: 'archiveAtDestination',
        },
      ],
      onNames: async (archiveKey, reportKey) => {
        claim = claimOf(archiveKey, reportKey, rebuilt);
        await putClaim(store, journal.prefix, claim, signal);
      },
    },
    runtime,
  );
  if (saved.how !== 'archive' || claim === undefined) throw new Error(saved.faults.join('; '));
  const digest = await digestOf(store, claim.archiveKey, signal);
  if (digest?.sha256 !== saved.summary.sha256) {
    throw new Error(`${store.url}/${claim.archiveKey} is not what was uploaded`);
  }
  return { ...claim, ...digest };
}

/** The session's own settings of how to pack, as far as its journal tells. */
function packingOf(
  { about }: Recovered,
  { gzipLevel, stallMs, ...defaults }: PackDefaults,
  workdir: string,
): Pick<SaveRequest, 'source' | 'archive' | 'stallMs'> {
  const { archiveName, codec, include, exclude } = about ?? defaults;
  return {
    source: { root: workdir, include, exclude, excludedPaths: [] },
    archive: { name: archiveName, codec, level: gzipLevel },
    stallMs,
  };
}
