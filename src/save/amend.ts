import type { Taker } from '../journal/fences.ts';
import type { FoundJournal } from '../journal/reader/find.ts';
import { askStore } from '../journal/reader/standing.ts';
import { takeJournal } from '../journal/takeover.ts';
import { putAmendment, readAmendment } from '../report/amendment.ts';
import { formatReport, type Report } from '../report/schema.ts';
import { digestOf } from '../store/read.ts';
import type { Store } from '../store/store.ts';
import { abortUploads } from './abort-uploads.ts';
import type { AmendedSession, Replaced } from './amend-plan.ts';
import { keyOf, nthName, placeOf } from './archive-name.ts';
import type { ArchivePlace } from './archive-place.ts';
import { archiveReport } from './archive-report.ts';
import { deleteAmendment, deleteReplaced } from './delete-replaced.ts';
import { deleteRecoveredJournal } from './dispose.ts';
import type { Packing } from './earlier-recovery.ts';
import { putIndex } from './put-index.ts';
import { type SavedArchive, type SaveRuntime, saveArchive } from './save.ts';

/** What is put in the place of an archive, and by whom. */
export interface AmendRequest extends Packing {
  /** For people: it stands in the report from now on. */
  readonly why: string;
  /** Leaves the names of people, and what the launcher said of the session, out of the report. */
  readonly dropsNames: boolean;
  readonly taker: Taker;
}

export interface AmendRuntime extends SaveRuntime {
  readonly signal: AbortSignal;
}

/**
 * Puts another archive in the place of a session's own. The new one is stored beside the old one and read back; then the
 * report names it, by one write; and then the old one goes, with what was made of it. The journal goes before that write:
 * a recovery would bring everything back. Interrupted at any point, report and archive fit one another, and a note tells
 * that it is to be run again.
 * @param replaced as `findReplaced` has found it
 * @returns the new archive
 * @throws when the new one cannot be stored whole, or something of the old one is left: it can be run again
 */
export async function amendSession(
  store: Store,
  session: AmendedSession,
  replaced: Replaced,
  request: AmendRequest,
  runtime: AmendRuntime,
): Promise<SavedArchive> {
  const { signal } = runtime;
  const { folder, reportKey } = session;
  const saved = await storeBeside(store, session, replaced, request, runtime);
  await assertWhole(store, saved, signal);
  // Of two that amend a session at the same moment the later one goes on.
  const note = await readAmendment(store, folder, signal);
  if (note?.by !== request.taker.by)
    throw new Error(`it is being amended by ${note?.host ?? 'somebody else'} as well`);
  for (const journal of replaced.journals) await deleteTaken(store, journal, { saved, request }, runtime);
  await store.put(reportKey, formatReport(amendedReport(session, saved, request)), { signal });
  await deleteReplaced(store, [...replaced.archives, ...replaced.others], saved.receipt.key, signal);
  await putIndex(saved, runtime);
  await deleteAmendment(store, folder, signal);
  return saved;
}

async function storeBeside(
  store: Store,
  session: AmendedSession,
  { archives, before }: Replaced,
  { source, archive, stallMs, taker }: AmendRequest,
  runtime: AmendRuntime,
): Promise<SavedArchive> {
  const { signal } = runtime;
  // Its upload is at a key that has nothing yet.
  if (before !== undefined)
    await abortUploads(store, keyOf(placeOf(session.folder).root, before.archiveKey), runtime);
  const within = (key: string) => keyWithin(session, key);
  const since = new Date().toISOString();
  const saved = await saveArchive(
    {
      ...{ source, archive, stallMs },
      targets: [
        {
          url: store.url,
          open: async () => store,
          place: async () => placeBeside(session, 1),
          inside: false,
          deadline: 'archiveAtDestination',
        },
      ],
      async onPlace({ archiveKey: key }) {
        const note = {
          format: 1,
          ...taker,
          since,
          archiveKey: within(key),
          oldKeys: archives.map(within),
        } as const;
        await putAmendment(store, session.folder, note, signal);
      },
    },
    runtime,
  );
  if (saved.how === 'not-saved') throw new Error(saved.faults.join('; '));
  return saved;
}

/** The n-th name beside the archive that is there: of two amendments the second has the name that the session gave. */
function placeBeside(session: AmendedSession, n: number): ArchivePlace {
  const { folder, reportKey, report } = session;
  const { root, name } = placeOf(folder);
  const [, above = '', own = ''] = /^(.*\/)?([^/]+)$/.exec(report.archive.key) ?? [];
  const first = own.replace(/\.\d+(?=(?:\.tar)?\.\w+$)/, '');
  return {
    archiveKey: keyOf(root, `${above}${nthName(first, n)}`),
    ...{ reportKey, session: name, ifAbsent: true },
    next: async () => placeBeside(session, n + 1),
  };
}

/** As its report names it: whoever amends it may look from further up. */
function keyWithin({ folder }: Pick<AmendedSession, 'folder'>, key: string): string {
  const { root } = placeOf(folder);
  return root === '' ? key : key.slice(root.length + 1);
}

/** @throws when it lacks something of the folder, or comes back otherwise than it was packed */
async function assertWhole(
  store: Store,
  { receipt, summary }: SavedArchive,
  signal: AbortSignal,
): Promise<void> {
  const { skipped, changed, sha256 } = summary;
  const [fault] = [...skipped.first, ...changed.first];
  if (fault !== undefined) throw new Error(`${fault.path} was not packed as it is: ${fault.why}`);
  const digest = await digestOf(store, receipt.key, signal, sha256);
  if (digest?.sha256 !== sha256) throw new Error(`${receipt.url} is not what was uploaded`);
}

/** That the journal may hold what the archive lacks is what the person wants who amends it. */
async function deleteTaken(
  store: Store,
  journal: FoundJournal,
  { saved, request }: { readonly saved: SavedArchive; readonly request: AmendRequest },
  runtime: AmendRuntime,
): Promise<void> {
  const { signal } = runtime;
  const { conditions } = await askStore(store, journal.prefix, signal);
  await using takeover =
    conditions === 'honoured' ? await takeJournal(store, journal, request.taker, signal) : undefined;
  const { sha256 } = saved.summary;
  const evidence = { kind: 'read-back-digest', sha256, damage: 'discarded' } as const;
  await deleteRecoveredJournal(
    store,
    journal,
    { evidence, archive: saved.receipt.key },
    { ...runtime, takeover },
  );
}

/** What was known of the session stays; of the archive all is that of the new one. */
function amendedReport(
  { folder, report }: AmendedSession,
  saved: SavedArchive,
  { why, dropsNames }: AmendRequest,
): Partial<Report> {
  const { key, bytes, sha256 } = report.archive;
  const names = dropsNames ? { names: undefined, labels: undefined } : {};
  return {
    ...report,
    ...names,
    archive: { ...archiveReport(saved), key: keyWithin({ folder }, saved.receipt.key) },
    ...{ earlierArchive: undefined, journalKept: undefined },
    amended: [
      ...(report.amended ?? []),
      { at: new Date().toISOString(), why, instead: { key, bytes, sha256 } },
    ],
  };
}
