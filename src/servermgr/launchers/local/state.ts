import { requestedAtMs } from '../../session-id.ts';
import { dashboardAt, type SessionEnded, type SessionState } from '../launcher.ts';
import { isRunning } from './process-identity.ts';
import type { LocalRecord } from './record.ts';

/** A session whose process is not there so long after its start began: its manager has died in between. */
const START_TIMEOUT_MS = 30_000;

const LOOPBACK = '127.0.0.1';

/**
 * The present state of a session, by its record and its process.
 * @param gameHost the host that visitors connect to
 */
export function stateOf(record: LocalRecord, gameHost: string): SessionState {
  const { id, recordedMs, process, port, dashboardPort, stop, exit } = record;
  if (exit !== undefined) return ended(record, { ...exit, exitCode: exit.code });
  if (process === undefined) {
    return Date.now() - recordedMs < START_TIMEOUT_MS
      ? { phase: 'requested' }
      : ended(record, { atMs: recordedMs, why: 'its process was never started' });
  }
  if (!isRunning(process)) return ended(record, {});
  if (stop !== undefined) return { phase: 'ending', stopped: stop.why };
  return {
    phase: 'running',
    address: { host: gameHost, port },
    pingAddress: { host: LOOPBACK, port },
    dashboard: dashboardAt(dashboardPort, gameHost, LOOPBACK),
    sinceMs: requestedAtMs(id),
  };
}

/** Whether a session has its process still, or will have it, and with it its port. */
export function occupiesPort(record: LocalRecord): boolean {
  return stateOf(record, '').phase !== 'ended';
}

function ended(
  { stop }: LocalRecord,
  { atMs, exitCode, why }: Partial<Pick<SessionEnded, 'atMs' | 'exitCode' | 'why'>>,
): SessionEnded {
  return { phase: 'ended', atMs, exitCode, why, stopped: stop?.why, lackedCapacity: false };
}
