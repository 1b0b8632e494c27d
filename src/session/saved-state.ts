import { quote } from 'shlex';
import type { JournalEnd } from '../journal/writer/journal.ts';
import type { SavedArchive } from '../save/save.ts';
import type { SaveState } from './end-reason.ts';
import type { SessionJournal } from './journal.ts';
import type { SessionRuntime } from './runtime.ts';

export interface SavedState {
  readonly saved: SaveState;
  /** For a person. */
  readonly notices: readonly string[];
}

/** Whether the archive has all that was recorded; otherwise a recovery has to make another one, if there is a journal. */
export async function stateOfSaved(
  archive: SavedArchive,
  journal: SessionJournal | undefined,
  end: JournalEnd | undefined,
  runtime: SessionRuntime,
): Promise<SavedState> {
  const { log } = runtime;
  const held = heldByJournal(journal, end);
  const lacking = journal?.started()?.journal.lackingIn(archive.files) ?? [];
  const [first, ...others] = lacking;
  if (held !== undefined && first !== undefined) {
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const notice = `the archive lacks what the journal holds of ${first}${more}: the journal stays`;
    log.error({ event: 'archive_lacks_files', files: lacking.length }, notice);
    return { saved: held, notices: [...archive.notices, notice] };
  }
  const lost = await whyWorkdirIsLost(archive, runtime);
  if (lost === undefined) return { saved: { how: 'archive' }, notices: archive.notices };
  const notice = `${lost}: the archive lacks what was in it`;
  log.error({ event: 'workdir_lost', path: runtime.config.workdir }, notice);
  return { saved: held ?? { how: 'lost' }, notices: [...archive.notices, notice] };
}

/** What became of a session whose archive is not saved. */
export async function stateOfUnsaved(
  journal: SessionJournal | undefined,
  end: JournalEnd | undefined,
  { config, log, hasWorkdir }: SessionRuntime,
): Promise<SavedState> {
  const held = heldByJournal(journal, end);
  if (held === undefined) return { saved: { how: 'lost' }, notices: [] };
  if (end?.durable === true) return { saved: held, notices: [] };
  // One file never takes everything else with it.
  if (end?.unreadable !== undefined)
    return { saved: held, notices: [`the journal lacks what cannot be read: ${end.unreadable}`] };
  if (await hasWorkdir()) return { saved: { how: 'lost' }, notices: [] };
  // What the journal holds is all that can be had.
  const notice = `${goneText(config.workdir)}: the journal holds what it had of it`;
  log.error({ event: 'workdir_lost', path: config.workdir }, notice);
  return { saved: held, notices: [notice] };
}

/** The archive is then of something else, or of nothing, however many files it has. */
async function whyWorkdirIsLost(
  { summary }: SavedArchive,
  { config: { workdir }, hasWorkdir }: SessionRuntime,
): Promise<string | undefined> {
  if (!(await hasWorkdir())) return goneText(workdir);
  const unread = summary.skipped.first.find(({ path }) => path === '.');
  return unread && `${workdir} cannot be read (${unread.why})`;
}

function goneText(workdir: string): string {
  return `${workdir} is gone, or another folder by now, or does not answer`;
}

/** What a recovery makes an archive of, with its command; undefined: no journal holds anything. */
function heldByJournal(
  journal: SessionJournal | undefined,
  end: JournalEnd | undefined,
): SaveState | undefined {
  const started = journal?.started();
  if (journal === undefined || started === undefined || started.journal.report().isEmpty) return undefined;
  // One that says that it has ended is recovered without being told that its session is over.
  const force = end?.isEnded === true ? '' : '--force ';
  const url = quote(`${journal.store.url}/${started.name}`);
  return { how: 'journal', recover: `craftassist-session recover ${force}${url}` };
}
