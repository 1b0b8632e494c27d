import type { Log } from '../runtime/log.ts';
import type { RecoveredEvent, RetryEvent, RetryObserver } from './retry.ts';

/** Logs each retry, and each success after retries. */
export function logRetries(log: Pick<Log, 'info' | 'warn'>): RetryObserver {
  return {
    onRetry: event => log.warn({ event: 'request_retry', ...event }, `request failed${nextAttempt(event)}`),
    onRecovered: event => log.info({ event: 'request_recovered', ...event }, `request ${success(event)}`),
  };
}

/** The same as lines for a person. */
export function printRetries(print: (line: string) => void): RetryObserver {
  return {
    onRetry: event => print(`${event.request}: ${event.why}${nextAttempt(event)}`),
    onRecovered: event => print(`${event.request}: ${success(event)}`),
  };
}

function nextAttempt({ waitMs }: RetryEvent): string {
  return waitMs === undefined ? '' : `, retrying in ${waitMs} ms`;
}

function success({ retries }: RecoveredEvent): string {
  return `succeeded after ${retries === 1 ? '1 retry' : `${retries} retries`}`;
}
