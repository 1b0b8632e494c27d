import { setTimeout as delay } from 'node:timers/promises';

/** Rejects with the signal's reason when it is aborted; never resolves. To be raced. */
export function rejectWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Resolves when the signal is aborted. To be raced. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A signal that is aborted after `ms` milliseconds, or with the reason of one of the others before. */
export function timeoutSignal(ms: number, ...others: readonly AbortSignal[]): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  return others.length === 0 ? timeout : AbortSignal.any([...others, timeout]);
}

/** Waits. @throws the signal's reason when it is aborted before. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, ms), undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
}

/** Waits for so long, or until the signal is aborted. */
export async function pause(ms: number, wake: AbortSignal): Promise<void> {
  await sleep(ms, wake).catch((error: unknown) => {
    if (!wake.aborted) throw error;
  });
}

/**
 * The promise's outcome, or the signal's reason once it is aborted: not every wait can itself be cancelled.
 * @param graceMs how long the promise may still take after the abort, to clean up
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal, graceMs = 0): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const forward = () => {
    if (graceMs === 0) reject(signal.reason);
    else timer = setTimeout(() => reject(signal.reason), graceMs);
  };
  if (signal.aborted) forward();
  else signal.addEventListener('abort', forward, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', forward);
  }
}

/** The promise's outcome; undefined when time is up, or the signal is aborted, before that. Leaves no timer behind. */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  signal?: AbortSignal | undefined,
): Promise<T | undefined> {
  const settled = new AbortController();
  const wake = signal === undefined ? settled.signal : AbortSignal.any([settled.signal, signal]);
  try {
    return await Promise.race([promise, pause(ms, wake).then(() => undefined)]);
  } finally {
    settled.abort();
  }
}
