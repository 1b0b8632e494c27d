import type { SessionView } from '../fleet/view.ts';
import type { Outcome, Study } from './study.ts';

/** A session that was cut off has left no report, and one that is just ending has not yet. */
const REPORT_WAIT_MS = 60_000;

/**
 * What has become of a participation that has a session; undefined: that is not known yet. It goes by what was observed
 * of the session, and by its report.
 */
export function outcomeOf({ settings }: Study, view: SessionView, nowMs: number): Outcome | undefined {
  const { phase, presentMs, ended } = view;
  if (phase === 'starting' || phase === 'ready') return undefined;
  if (isLongEnough({ settings }, presentMs)) return 'finished';
  // Whoever ends their session before that has left; whoever's is ended by us has not.
  if (ended?.stopped === 'visitor') return 'incomplete';
  if (phase === 'failed' || ended?.stopped === 'admin') return 'technical';
  if (ended === undefined) return undefined;
  const { report } = ended;
  if (report === undefined) return nowMs - (ended.atMs ?? 0) > REPORT_WAIT_MS ? 'technical' : undefined;
  // Of one that was cut off its recovery knows no exit code.
  return report.exitCode === 0 ? 'incomplete' : 'technical';
}

/** Whether somebody was there for as long as the study wants. @param presentMs how long they were */
function isLongEnough({ settings }: Pick<Study, 'settings'>, presentMs: number): boolean {
  return presentMs > 0 && presentMs >= settings.minimumMinutes * 60_000;
}
