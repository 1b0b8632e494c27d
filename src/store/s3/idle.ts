import { S3Error } from './errors.ts';

/** Ends what does not move. */
export interface IdleLimit extends Disposable {
  /** Aborted with a transient error when nothing has moved for so long. */
  readonly signal: AbortSignal;
  readonly onActivity: () => void;
}

/**
 * The SDK's own socketTimeout is the same for all requests of a client, and counts the time that a reader takes to take
 * what has come.
 */
export function limitIdleness(ms: number): IdleLimit {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new S3Error(`no answer for ${ms / 1000} s`, { kind: 'transient' }));
  }, ms);
  return {
    signal: controller.signal,
    onActivity: () => void timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
