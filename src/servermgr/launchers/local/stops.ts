import { hasCode } from '../../../files/errno.ts';
import type { Log } from '../../../runtime/log.ts';
import { nameOf } from '../../session-id.ts';
import type { StopReason } from '../launcher.ts';
import { isRunning } from './process-identity.ts';
import type { LocalRecord, LocalRecords } from './records.ts';

/** Stops the sessions of this machine. */
export interface Stops {
  /** Asks a session to end. What keeps that from being written down keeps nobody from being stopped. */
  stop(record: LocalRecord, why: StopReason): Promise<void>;
  /** Goes on with a stop that was asked for, and of which the session may not have heard. */
  pursue(record: LocalRecord): void;
}

/**
 * A second SIGTERM, a second later or more, makes the supervisor abort without saving: so each session gets one. By the
 * time of another the first is over, whatever its stop timeout: whoever runs still has not heard it, or hangs.
 */
const AGAIN_MS = 3_600_000;

export function createStops(records: LocalRecords, log: Log): Stops {
  /** By idempotency key: when this instance has sent the signal. */
  const sentMs = new Map<string, number>();

  function signal(record: LocalRecord): void {
    const { idempotencyKey: key, process: identity } = record;
    const nowMs = Date.now();
    if (identity === undefined || nowMs - (sentMs.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
    // No await from the claim to the signal: nothing but a kill of this process, in a microsecond, comes between them.
    if (!isClaimed(record, nowMs)) return;
    sentMs.set(key, nowMs);
    try {
      process.kill(identity.pid, 'SIGTERM');
    } catch (error) {
      // It has ended meanwhile.
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  }

  function isClaimed(record: LocalRecord, nowMs: number): boolean {
    try {
      return records.claimSignal(record, nowMs - AGAIN_MS);
    } catch (error) {
      tellUnwritten(record, error);
      return true;
    }
  }

  function tellUnwritten({ id }: LocalRecord, error: unknown): void {
    log.warn(
      { event: 'record_not_written', err: error, session: nameOf(id) },
      'what happens to a session could not be written down',
    );
  }

  return {
    async stop(record, why) {
      try {
        await records.markStopped(record, why);
      } catch (error) {
        tellUnwritten(record, error);
      }
      signal(record);
    },
    pursue(record) {
      if (record.process === undefined || !isRunning(record.process)) sentMs.delete(record.idempotencyKey);
      else if (record.stop !== undefined) signal(record);
    },
  };
}
