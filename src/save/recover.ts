import { basename, join } from 'node:path';
import type { SessionConfig } from '../config/session-config.ts';
import { deleteJournal } from '../journal/delete.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { type Recovered, recoverJournal } from '../journal/reader/rebuild.ts';
import { digestOf } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { keyOf, sessionFolder, splitKey } from './archive-name.ts';
import { type Claim, claimOf, putClaim, type RecoveredSession, readClaim } from './recovery-claim.ts';
import { putRecoveryReport } from './recovery-report.ts';
import { type SaveTools, saveArchive } from './save.ts';

export interface RecoveryTools extends Omit<SaveTools, 'open' | 'onNames'> {
  /** An empty folder for the working directory while it is rebuilt. */
  readonly scratch: string;
}

/**
 * Makes the archive that a session would have made, out of its journal, verifies it, writes its report, and only then
 * deletes the journal. Interrupted at any point, it is simply run again.
 * @throws when the archive cannot be made or verified; the journal stands then.
 */
export async function recoverSession(
  config: SessionConfig,
  destination: Store,
  journal: FoundJournal,
  tools: RecoveryTools,
): Promise<RecoveredSession> {
  const { stopRequested } = tools.signals;
  const done =
    (await finishedBefore(destination, journal, stopRequested)) ??
    (await recoverNow(config, destination, journal, tools));
  await putRecoveryReport(destination, journal, done, stopRequested);
  await deleteJournal(destination, journal, { kind: 'read-back-digest', sha256: done.sha256 }, stopRequested);
  return done;
}

/** An earlier recovery came as far as the archive, and was cut off before the journal was gone. */
async function finishedBefore(destination: Store, journal: FoundJournal, signal: AbortSignal) {
  const claim = await readClaim(destination, journal.prefix, signal);
  if (claim === undefined) return undefined;
  const proven = await digestOf(destination, claim.archiveKey, signal);
  return proven && { ...claim, ...proven };
}

async function recoverNow(
  config: SessionConfig,
  destination: Store,
  journal: FoundJournal,
  tools: RecoveryTools,
): Promise<RecoveredSession> {
  const { stopRequested } = tools.signals;
  const workdir = join(tools.scratch, 'workdir');
  const recovered = await recoverJournal({
    destination,
    prefix: journal.prefix,
    folder: workdir,
    signal: stopRequested,
  });
  const { parent, folder: known } = splitKey(journal.session);
  const { folder } = await sessionFolder(workdir, recovered.about?.session ?? basename(known));
  let claim: Claim | undefined;
  const saved = await saveArchive(asItWas(config, recovered, workdir), keyOf(parent, folder), [], {
    ...tools,
    open: async () => destination,
    onNames: async (archiveKey, reportKey) => {
      claim = claimOf(archiveKey, reportKey, recovered);
      await putClaim(destination, journal.prefix, claim, stopRequested);
    },
  });
  if (saved.how !== 'archive' || claim === undefined) throw new Error(saved.faults.join('; '));
  const proven = await digestOf(destination, claim.archiveKey, stopRequested);
  if (proven?.sha256 !== saved.summary.sha256) {
    throw new Error(`${destination.url}/${claim.archiveKey} is not what was sent: the journal stands`);
  }
  return { ...claim, ...proven };
}

/** The session's own settings of how to pack, in place of those of whoever recovers it. */
function asItWas(config: SessionConfig, { about }: Recovered, workdir: string): SessionConfig {
  const settings = about && {
    archiveName: about.archiveName,
    codec: about.codec,
    include: about.include,
    exclude: about.exclude,
  };
  return { ...config, workdir, save: { ...config.save, ...settings, fallback: undefined } };
}
