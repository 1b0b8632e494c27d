import type { SessionView } from '../fleet/view.ts';

/** What ended a session, as its report calls it, for people who have played. */
const PLAIN: Readonly<Record<string, string>> = {
  'destination-refused': 'the game was not started: there was no place to save it at',
  'setup-failed': 'the game could not be prepared',
  'server-not-startable': 'the game could not be started',
  'server-exited-early': 'the game could not be started',
  'server-never-ready': 'the game did not start in time',
  'server-exited': 'the game was ended',
  'server-ended-by-plugin': 'the game was ended',
  'server-hung': 'the game had stopped working',
  'agent-exited': 'the agent had left the game',
  signal: 'its computer was switched off',
  'max-duration': 'its time was over',
  'nobody-joined': 'nobody had joined in time',
  'everybody-left': 'everybody had left',
  bug: 'something went wrong in it',
};

/**
 * How a session ended, for everybody: processes, signals and exit codes are for operators.
 * @returns undefined: it has not ended
 */
export function plainEnd({ ended, phase }: Pick<SessionView, 'ended' | 'phase'>): string | undefined {
  if (ended === undefined) return undefined;
  const { stopped, report, text } = ended;
  if (stopped !== undefined) return text;
  if (report !== undefined) return PLAIN[report.by ?? ''] ?? report.text;
  return phase === 'failed' ? 'its server could not be started' : 'it has left no word of how it ended';
}
