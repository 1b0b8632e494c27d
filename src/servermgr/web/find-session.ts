import { timeoutSignal } from '../../runtime/abort.ts';
import { type SessionView, viewOfReport } from '../fleet/view.ts';
import { nameOf, requestedAtMs } from '../session-id.ts';
import type { AppOptions } from './route-tools.ts';

const STORE_TIMEOUT_MS = 10_000;

/** A session of the launcher's, or one of which only the report is left. @returns undefined: no session has that id */
export async function findSession(
  { fleet, savedSessions }: Pick<AppOptions, 'fleet' | 'savedSessions'>,
  id: string,
): Promise<SessionView | undefined> {
  const name = nameOf(id);
  if (name === undefined) return undefined;
  const view = await fleet.look(id);
  if (view !== undefined) return view;
  const report = await savedSessions.report(name, timeoutSignal(STORE_TIMEOUT_MS));
  // Its report is newer than what a table remembers.
  return report === undefined ? fleet.remember(id) : viewOfReport(name, requestedAtMs(id) ?? 0, report);
}
