import type { Log } from '../../../runtime/log.ts';
import { REPEATABLE_STOP } from '../../../runtime/signals.ts';
import { nameOf } from '../../session-id.ts';
import { HANG_MARGIN_MS } from '../hang.ts';
import type { StopReason } from '../launcher.ts';
import { killSession, sendSignal } from './kill.ts';
import type { LocalRecord } from './record.ts';
import type { LocalRecords } from './records.ts';

export interface StopsOptions {
  readonly log: Log;
  readonly hangMarginMs?: number | undefined;
}

/** Takes sessions of this machine a step further towards their ends, each time that they are asked to. */
export interface Stops {
  stop(record: LocalRecord, why: StopReason): Promise<void>;
}

export function createStops(
  records: LocalRecords,
  { log, hangMarginMs = HANG_MARGIN_MS }: StopsOptions,
): Stops {
  /** By idempotency key: since when this instance stops a session of which that could not be written down. */
  const unwrittenMs = new Map<string, number>();

  /**
   * @returns whether this is the first request, of all instances: a second SIGTERM, a second later or more, makes the
   * supervisor abort without saving. What cannot be written down is no first one, and keeps nobody from being stopped.
   */
  async function isFirst(record: LocalRecord, why: StopReason): Promise<boolean> {
    const { id, idempotencyKey: key } = record;
    try {
      const isWritten = await records.claimStop(record, why);
      unwrittenMs.delete(key);
      return isWritten;
    } catch (error) {
      unwrittenMs.set(key, unwrittenMs.get(key) ?? Date.now());
      log.warn(
        { event: 'record_not_written', err: error, session: nameOf(id) },
        'what happens to a session could not be written down',
      );
      return false;
    }
  }

  function isHung({ idempotencyKey: key, stop, stopTimeoutMs }: LocalRecord): boolean {
    const nowMs = Date.now();
    const askedMs = stop?.atMs ?? unwrittenMs.get(key) ?? nowMs;
    return nowMs - askedMs >= stopTimeoutMs + hangMarginMs;
  }

  return {
    async stop(record, why) {
      const { process: supervisor, id } = record;
      if (supervisor === undefined) return;
      if (await isFirst(record, why)) sendSignal(supervisor.pid, 'SIGTERM');
      else if (!isHung(record)) sendSignal(supervisor.pid, REPEATABLE_STOP);
      else {
        const session = nameOf(id);
        log.warn({ event: 'session_killed', session }, 'a session that was stopped hangs: it is killed');
        await killSession(record, supervisor);
      }
    },
  };
}
