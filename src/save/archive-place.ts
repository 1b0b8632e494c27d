import { renderKey } from '../config/key-template.ts';
import { reportKey } from '../report/session-folder.ts';
import type { Store } from '../store/store.ts';
import { keyOf, nthName, reportName } from './archive-name.ts';
import { type Claimant, type ClaimedName, claimNextName } from './claim.ts';

/** Where an archive and its report go. */
export interface ArchivePlace {
  readonly archiveKey: string;
  readonly reportKey: string;
  /** The name that the session has there; undefined: it needs none. */
  readonly session: string | undefined;
  /** false where the store refuses conditions. */
  readonly ifAbsent: boolean;
  /** The place to try when another archive has the key. */
  readonly next: (signal: AbortSignal) => Promise<ArchivePlace>;
}

/** Among the files of the working directory: the n-th archive there. */
export function placeInside(archiveName: string, n = 1): ArchivePlace {
  return {
    archiveKey: nthName(archiveName, n),
    reportKey: reportName(n),
    session: undefined,
    ifAbsent: true,
    next: async () => placeInside(archiveName, n + 1),
  };
}

/** What the key of an archive is made of, besides the claimed name. */
interface KeySource {
  /** See key-template.ts. */
  readonly template: string;
  readonly experiment: string | undefined;
  readonly archiveName: string;
  /** The folder of the store that is the session's destination; empty: the store itself. */
  readonly root: string;
}

/**
 * At a destination: the archive where the template says, the report where those of all sessions are. An archive of an
 * older program may have the key: then this one takes the next name, and the session keeps its own.
 */
export function placeAt(
  store: Store,
  claimed: ClaimedName,
  source: KeySource,
  claimant: Claimant,
  session: string = claimed.name,
): ArchivePlace {
  const { template, experiment, archiveName, root } = source;
  const folder = renderKey(template, { timestamp: claimed.name, experiment });
  return {
    archiveKey: keyOf(root, `${folder}/${archiveName}`),
    reportKey: keyOf(root, reportKey(session)),
    session,
    ifAbsent: claimed.conditions !== 'refused',
    async next(signal) {
      const after = await claimNextName(store, claimed, claimant, { signal, root });
      return placeAt(store, after, source, claimant, session);
    },
  };
}
