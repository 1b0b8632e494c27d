import type { AuditEntry } from '../database/audit.ts';
import type { FleetRecord } from '../database/records.ts';
import type { SessionView } from '../fleet/view.ts';
import { describeStop, STOP_REASONS } from '../launchers/launcher.ts';

/** Something that has happened to a session. */
export interface TimelineEvent {
  readonly atMs: number;
  readonly text: string;
}

export interface TimelineFacts {
  readonly view: SessionView;
  /** undefined: the database never knew it. */
  readonly record: FleetRecord | undefined;
  readonly audit: readonly AuditEntry[];
}

/** What has happened to a session, as far as anybody has seen it, in its order. */
export function timelineOf({ view, record, audit }: TimelineFacts): readonly TimelineEvent[] {
  const { observation, overMs } = record ?? {};
  const { ended } = view;
  const report = ended?.report;
  const events: readonly (readonly [atMs: number | undefined, text: string])[] = [
    [view.requestedMs, 'requested'],
    [record?.confirmedMs, 'confirmed by the launcher'],
    [observation?.machineMs, 'a machine is found'],
    [observation?.addressMs, 'its address is known'],
    [observation?.answeredMs, 'its server answers'],
    [observation?.readyMs, 'ready'],
    [observation?.everybodyLeftMs, 'the last person has left'],
    ...audit.map(entry => [entry.atMs, auditText(entry)] as const),
    [ended && (ended.atMs ?? overMs), `ended: ${ended?.text}`],
    [report?.recoveredMs, 'recovered: its archive was made out of its journal'],
  ];
  return events
    .flatMap(([atMs, text]) => (atMs === undefined ? [] : [{ atMs, text }]))
    .toSorted((a, b) => a.atMs - b.atMs);
}

function auditText({ who, what, detail }: AuditEntry): string {
  switch (what) {
    case 'launch':
      return `launch requested by ${who}`;
    case 'launch-failed':
      return `its launch failed${detail === undefined ? '' : `: ${detail}`}`;
    case 'found':
      return 'found: it ran, and nobody here had launched it';
    case 'stop': {
      const why = STOP_REASONS.find(reason => reason === detail);
      return `stop requested by ${who}${why === undefined ? '' : ` (${describeStop(why)})`}`;
    }
    case 'recover':
      return `recovery requested by ${who}`;
    default:
      return `${what} by ${who}`;
  }
}
