import type { Log } from '../runtime/log.ts';
import type { ClockEvent, RegionEvent, StoreObserver } from './observer.ts';
import { type OutageEnd, watchOutages } from './outage.ts';
import type { RetryEvent } from './retry.ts';

/** Logs what befalls one store: when it begins to fail and when it answers again, and what is corrected. */
export function logRetries(log: Pick<Log, 'info' | 'warn'>): StoreObserver {
  return {
    ...watchOutages({
      onBegin: event => log.warn({ event: 'request_retry', ...event }, `request failed${nextAttempt(event)}`),
      onNotRepeated: event => log.warn({ event: 'request_retry', ...event }, 'request failed'),
      onEnd: event => log.info({ event: 'request_recovered', ...event }, success(event)),
    }),
    onRegionFollowed: event => log.warn({ event: 'region_followed', ...event }, regionText(event)),
    onClockOff: event => log.warn({ event: 'clock_off', ...event }, clockText(event)),
  };
}

/** The same as lines for a person. */
export function printRetries(print: (line: string) => void): StoreObserver {
  const failed = (event: RetryEvent) => print(`${event.request}: ${event.why}${nextAttempt(event)}`);
  return {
    ...watchOutages({ onBegin: failed, onNotRepeated: failed, onEnd: event => print(success(event)) }),
    onRegionFollowed: event => print(regionText(event)),
    onClockOff: event => print(clockText(event)),
  };
}

function nextAttempt({ waitMs }: RetryEvent): string {
  return waitMs === undefined ? '' : `, retrying in ${waitMs} ms`;
}

function success({ retries, afterMs }: OutageEnd): string {
  const failures = retries === 1 ? '1 failed attempt' : `${retries} failed attempts`;
  return `the store answers again, after ${(afterMs / 1000).toFixed(1)} s and ${failures}`;
}

function regionText({ bucket, configured, actual }: RegionEvent): string {
  return `the bucket ${bucket} is in ${actual}, not in ${configured}: requests go there`;
}

function clockText({ aheadMs }: ClockEvent): string {
  const minutes = (Math.abs(aheadMs) / 60_000).toFixed(1);
  const where = aheadMs > 0 ? 'behind' : 'ahead of';
  return `this machine's clock is ${minutes} min ${where} the store's: requests are signed by the store's`;
}
