import { timeoutSignal } from '../../../runtime/abort.ts';
import type { FleetRecord } from '../../database/records.ts';
import { type SessionView, viewOfReport } from '../../fleet/view.ts';
import { type RecoveryProgress, recoveryProgress } from '../../operators/recovery-progress.ts';
import { type TimelineEvent, timelineOf } from '../../operators/timeline.ts';
import { nameMs } from '../../session-id.ts';
import type { RouteTools } from '../route-tools.ts';

/** All that is known of one session. */
export interface SessionFacts {
  readonly view: SessionView;
  /** undefined: the database does not know it: only what it has saved is left. */
  readonly record: FleetRecord | undefined;
  readonly timeline: readonly TimelineEvent[];
  readonly recovery: RecoveryProgress | undefined;
  /** Its journal could not be looked at. */
  readonly isUnread: boolean;
  /** It has ended, and has left a journal and no archive, at which nobody is at work. */
  readonly isRecoverable: boolean;
}

const STORE_TIMEOUT_MS = 10_000;

/**
 * Looks a session up wherever something of it may be.
 * @returns undefined: no session has that name
 * @throws {UnavailableError} when the database cannot be asked
 */
export async function readSessionFacts(
  { fleet, savedSessions, operators, log }: RouteTools,
  name: string,
): Promise<SessionFacts | undefined> {
  const signal = () => timeoutSignal(STORE_TIMEOUT_MS);
  const [{ views }, entry] = await Promise.all([fleet.snapshot(), operators.history.find(name)]);
  const live = views.find(view => view.name === name);
  const known = live ?? entry?.view;
  // One that lists do not show any more may have been recovered since: its report at the destination is newer.
  const report =
    live === undefined ? await savedSessions.report(name, signal()).catch(() => undefined) : undefined;
  const view =
    known === undefined
      ? report && viewOfReport(name, nameMs(name), report)
      : withReport(known, report ?? known.ended?.report);
  if (view === undefined) return undefined;
  const audit = await operators.audit(name);
  const isOver = view.ended !== undefined;
  let isUnread = false;
  const standing = isOver
    ? await operators.standing(name, signal()).catch((error: unknown) => {
        isUnread = true;
        log.warn(
          { event: 'destination_list_failed', err: error },
          'the journal of a session could not be read',
        );
        return undefined;
      })
    : undefined;
  const recovery =
    isOver && !isUnread
      ? recoveryProgress({
          requestedMs: audit.findLast(({ what }) => what === 'recover')?.atMs,
          status: await fleet.recovery(name).catch(() => undefined),
          ...{ standing, report: view.ended?.report, nowMs: Date.now() },
        })
      : undefined;
  const lacksArchive = isOver && view.ended?.report?.archive === undefined;
  const hasJournal = lacksArchive && (await savedSessions.hasJournal(name, signal()).catch(() => false));
  return {
    ...{ view, record: entry?.record, recovery, isUnread },
    timeline: timelineOf({ view, record: entry?.record, audit }),
    isRecoverable: hasJournal && recovery?.isAtWork !== true,
  };
}

function withReport(view: SessionView, report: NonNullable<SessionView['ended']>['report']): SessionView {
  if (view.ended === undefined || report === undefined) return view;
  const { ended } = view;
  const text = ended.stopped === undefined ? report.text : ended.text;
  return { ...view, ended: { ...ended, text, report, atMs: report.endedMs ?? ended.atMs } };
}
