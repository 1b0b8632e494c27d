import { isDeepStrictEqual } from 'node:util';
import { timeoutSignal } from '../../runtime/abort.ts';
import { errorText } from '../../runtime/text.ts';
import {
  formatStatus,
  JOURNAL_FORMAT,
  type JournalStatus,
  STATUS_KEY,
  segmentKey,
} from '../format/schema.ts';
import { onUploaded, onUploadFailed, putObject } from './put.ts';
import { unstored, type WriterState } from './state.ts';

/** Puts the status `writing`, unless that is under way; the segments do not wait for a slow store. */
export function putHeartbeat(state: WriterState): void {
  const over = AbortSignal.any([state.cancelled.signal, state.finishing.signal]);
  state.heartbeat ??= putStatus(state, 'writing', over)
    .catch((error: unknown) => {
      if (!over.aborted) throw error;
    })
    .finally(() => {
      state.heartbeat = undefined;
    });
}

/** Puts `status.json`: tried once, since the next one supersedes it. @throws the signal's reason */
async function putStatus(
  state: WriterState,
  phase: JournalStatus['state'],
  signal: AbortSignal,
): Promise<void> {
  const { prefix } = state;
  if (prefix === undefined) return;
  try {
    if ((await isTaken(state, prefix, signal)) || state.prefix !== prefix) return;
    const status = statusOf(state, phase);
    await state.options.destination.put(`${prefix}/${STATUS_KEY}`, encode(status), {
      signal: timeoutSignal(STATUS_TIMEOUT_MS, signal),
    });
    state.toldPeople = status.people;
    onUploaded(state);
  } catch (error) {
    signal.throwIfAborted();
    onUploadFailed(state, errorText(error));
  }
}

/** Puts the status `finished`, retrying: a journal without it counts as one that may still be written. */
export async function putFinalStatus(state: WriterState): Promise<void> {
  await state.heartbeat;
  if (state.prefix !== undefined) {
    await putObject(state, `${state.prefix}/${STATUS_KEY}`, encode(statusOf(state, 'finished')), false);
  }
}

const STATUS_TIMEOUT_MS = 10_000;

/**
 * Whether a recovery has the journal, and may have deleted it by now: a status would be left where it was. A heartbeat
 * in time need not ask.
 */
async function isTaken(state: WriterState, prefix: string, signal: AbortSignal): Promise<boolean> {
  const { destination, heartbeatMs, heedsFences } = state.options;
  const isInTime = performance.now() - state.uploadedAtMs < 2 * heartbeatMs;
  if (!heedsFences || (isInTime && !isPeopleUntold(state))) return false;
  const next = `${prefix}/${segmentKey(state.segments + 1)}`;
  return (await destination.exists(next, timeoutSignal(STATUS_TIMEOUT_MS, signal))) === true;
}

function encode(status: JournalStatus): Buffer {
  return Buffer.from(formatStatus(status));
}

/** Whether who takes part is another than the stored status says. */
export function isPeopleUntold({ options, toldPeople }: WriterState): boolean {
  return !isDeepStrictEqual(options.people?.(), toldPeople);
}

/** Whether a recovery may rely on the writer noticing its fence. */
export function fencing({ options: { heedsFences } }: WriterState): { heedsFences?: true } {
  return heedsFences ? { heedsFences } : {};
}

/** What `status.json` says of the journal. */
export function statusOf(state: WriterState, phase: JournalStatus['state']): JournalStatus {
  const { about, intervalMs, heartbeatMs, people } = state.options;
  return {
    format: JOURNAL_FORMAT,
    run: state.options.run,
    state: phase,
    sequence: state.segments,
    about,
    ...fencing(state),
    intervalMs,
    heartbeatMs,
    coveredUntil: new Date(state.coveredUntilMs).toISOString(),
    waiting: unstored(state),
    people: phase === 'writing' ? people?.() : undefined,
  };
}
