import type { Sums } from '../../files/sums.ts';
import type { StallWatch } from '../stall.ts';
import { S3Error } from './errors.ts';
import { hasAnswer } from './objects.ts';

/** What all requests of an upload share. */
export interface TransferOptions {
  /** The caller's own signal; `watch`'s is aborted with it. */
  readonly caller: AbortSignal;
  readonly watch: StallWatch;
  readonly limits: TransferLimits;
  readonly ifAbsent: boolean;
  readonly onProgress: ((bytes: number) => void) | undefined;
  readonly onStored: ((chunk: Buffer) => void) | undefined;
  readonly sums: Sums;
}

export interface TransferLimits {
  /** How long a request may go without a byte or an answer at first, and at most once that was too short. */
  readonly idleMs: number;
  readonly maxIdleMs: number;
  /** How long a new object is looked for before it counts as not there. */
  readonly lookMs: number;
  /** The same before a request is repeated, which does no harm. */
  readonly resendLookMs: number;
}

/** All of them leave time for another try before the upload counts as stalled. */
export function limitsOf(stallMs: number): TransferLimits {
  return {
    idleMs: Math.min(20_000, stallMs / 4),
    maxIdleMs: stallMs / 2,
    lookMs: Math.min(15_000, stallMs / 2),
    resendLookMs: Math.min(2_000, stallMs / 4),
  };
}

/** How long the attempts of one request may be idle: twice as long after each without an answer, which may be slow. */
export interface Patience {
  readonly idleMs: number;
  /** To be told of each failure. @throws that failure */
  note(error: unknown): never;
}

export function openPatience(watch: StallWatch, { idleMs, maxIdleMs }: TransferLimits): Patience {
  let nextMs = idleMs;
  return {
    get idleMs() {
      return nextMs;
    },
    note(error) {
      if (hasAnswer(error)) watch.moved();
      else nextMs = Math.min(2 * nextMs, maxIdleMs);
      throw error;
    },
  };
}

/** How long a caller who has given up waits to hear what became of the upload. */
const LAST_LOOK_MS = 1_000;

/** For finding out what became of an upload: briefly even after the caller's signal has been aborted. */
export function settling(caller: AbortSignal, lookMs: number) {
  if (!caller.aborted) return { signal: caller, lookMs };
  return { signal: new AbortController().signal, lookMs: Math.min(lookMs, LAST_LOOK_MS) };
}

/** Whether a request that failed may have been carried out. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!(error instanceof S3Error)) return false;
  return error.status === undefined || (error.status >= 500 && error.status !== 503);
}
