import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { RecoveredEvent, RetryEvent } from '../../src/store/retry.ts';
import { logRetries } from '../../src/store/retry-log.ts';
import { AlreadyExistsError, PermanentError, type PutRetry, type Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { eventually } from '../support/eventually.ts';
import { bytesOf, digestOf, digestOfBytes } from './archives.ts';

const signal = new AbortController().signal;
const body = bytesOf(1000);

/** A directory whose requests are changed, with retry around it, and what was reported. */
async function stage(change: (store: Store) => Partial<Store>, maxTries?: number) {
  const folder = await mkdtemp(join(tmpdir(), 'retry-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const directory = openDirectoryStore(folder);
  const retries: RetryEvent[] = [];
  const recoveries: RecoveredEvent[] = [];
  const store = withRetry(
    { ...directory, ...change(directory) },
    {
      onRetry: event => void retries.push(event),
      onRecovered: event => void recoveries.push(event),
      ...(maxTries === undefined ? {} : { maxTries }),
    },
  );
  return { directory, store, retries, recoveries };
}

/** A put that fails so many times before it is carried out, or after it. */
function failing(times: number, error: Error, isCarriedOut = false) {
  return (directory: Store): Partial<Store> => {
    let left = times;
    return {
      async put(...args) {
        const fails = left > 0;
        left -= 1;
        if (!fails || isCarriedOut) await directory.put(...args);
        if (fails) throw error;
      },
    };
  };
}

function until(urgent: AbortSignal, failures: string[], attemptTimeoutMs = 60_000): PutRetry {
  return { attemptTimeoutMs, urgent, onFailure: why => void failures.push(why) };
}

function hangs(until: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    until.addEventListener('abort', () => reject(until.reason), { once: true });
  });
}

describe('a request that fails for the moment', () => {
  test('is repeated, and both the retries and the success are reported', async () => {
    const { directory, store, retries, recoveries } = await stage(failing(3, new Error('503')));
    await store.put('a', body, { signal });
    expect(await digestOf(await directory.get('a', signal))).toBe(digestOfBytes(body));
    expect(retries).toHaveLength(3);
    expect(retries[0]).toEqual({ request: 'put a', why: '503', waitMs: expect.any(Number) });
    for (const [i, { waitMs = 0 }] of retries.entries()) {
      expect(waitMs).toBeGreaterThanOrEqual(50 * 2 ** i);
      expect(waitMs).toBeLessThanOrEqual(100 * 2 ** i);
    }
    expect(recoveries).toEqual([{ request: 'put a', retries: 3 }]);
  });

  test('is repeated as often as allowed', async () => {
    const { store, retries } = await stage(failing(9, new Error('EIO')), 3);
    await expect(store.put('a', body, { signal })).rejects.toThrow('EIO');
    expect(retries).toHaveLength(2);
  });

  test.for([
    new PermanentError('AccessDenied', 'Allow it.'),
    new AlreadyExistsError('it is there'),
    new TypeError('a bug of ours'),
    new Error('could not put', { cause: new Error('no answer', { cause: new TypeError('a bug of ours') }) }),
  ])('is not repeated after %s', async error => {
    const { store, retries } = await stage(failing(1, error));
    await expect(store.put('a', body, { signal })).rejects.toBe(error);
    expect(retries).toEqual([]);
  });

  test('ends with the reason of the abort, while it waits as well', async () => {
    const abort = new AbortController();
    const { store, retries } = await stage(failing(99, new Error('503')));
    const putting = store.put('a', body, { signal: abort.signal });
    await eventually(() => retries.length > 3);
    abort.abort(new Error('out of time'));
    await expect(putting).rejects.toThrow('out of time');
  });

  test('has succeeded where an answer was lost, and its own object is in the way', async () => {
    const { store, retries, recoveries } = await stage(failing(1, new Error('socket hang up'), true));
    await store.put('a', body, { signal, ifAbsent: true });
    expect(retries).toHaveLength(1);
    expect(recoveries).toEqual([{ request: 'put a', retries: 1 }]);
  });

  test('has failed where another object is in the way', async () => {
    const { directory, store } = await stage(failing(1, new Error('socket hang up')));
    await directory.put('a', bytesOf(1000, 2), { signal });
    await expect(store.put('a', body, { signal, ifAbsent: true })).rejects.toThrow(AlreadyExistsError);
  });
});

describe('a put that has to succeed', () => {
  test('is repeated after a denial too, and each failure is told', async () => {
    const failures: string[] = [];
    const denial = new PermanentError('AccessDenied', 'Allow it.');
    const { store } = await stage(failing(2, denial), 1);
    await store.put('a', body, { signal, retry: until(signal, failures) });
    expect(failures).toEqual(['AccessDenied', 'AccessDenied']);
  });

  test('is not repeated after a bug', async () => {
    const failures: string[] = [];
    const { store } = await stage(failing(1, new Error('could not put', { cause: new TypeError('a bug') })));
    await expect(store.put('a', body, { signal, retry: until(signal, failures) })).rejects.toThrow(
      'could not put',
    );
    expect(failures).toEqual([]);
  });

  test('gives up an attempt that hangs, the next one after twice as long', async () => {
    const failures: string[] = [];
    let attempts = 0;
    const { store } = await stage(directory => ({
      put(key, bytes, options) {
        attempts += 1;
        return attempts < 3 ? hangs(options.signal) : directory.put(key, bytes, options);
      },
    }));
    await store.put('a', body, { signal, retry: until(signal, failures, 200) });
    expect(failures).toEqual(['no answer within 0.2 s', 'no answer within 0.4 s']);
  });

  test('that waits is made at once when it becomes urgent, and waits for no more than half a second', async () => {
    const failures: string[] = [];
    const urgent = new AbortController();
    let isDown = true;
    const { store, retries } = await stage(directory => ({
      put: (...args) => (isDown ? Promise.reject(new Error('503')) : directory.put(...args)),
    }));
    const putting = store.put('a', body, { signal, retry: until(urgent.signal, failures) });
    await eventually(() => retries.length > 5);
    const { length } = retries;
    urgent.abort();
    await eventually(() => retries.length > length + 1);
    for (const { waitMs } of retries.slice(length)) expect(waitMs).toBeLessThanOrEqual(500);
    isDown = false;
    await putting;
  });
});

describe('reading', () => {
  test('goes on at the byte where it broke off', async () => {
    const positions: number[] = [];
    const { store, directory, recoveries } = await stage(inner => ({
      async get(key, until, from) {
        positions.push(from?.at ?? 0);
        const whole = await inner.get(key, until, from);
        return whole && Object.assign(firstOf(whole, 100), { version: whole.version });
      },
    }));
    await directory.put('a', bytesOf(350), { signal });
    expect(await digestOf(await store.get('a', signal))).toBe(digestOfBytes(bytesOf(350)));
    expect(positions).toEqual([0, 100, 200, 300]);
    expect(recoveries).toHaveLength(3);
  });

  test('ends where the object was replaced meanwhile', async () => {
    const { store, directory } = await stage(inner => ({
      async get(key, until, from) {
        const whole = await inner.get(key, until, from);
        return whole && Object.assign(firstOf(whole, 100), { version: whole.version });
      },
    }));
    await directory.put('a', bytesOf(350), { signal });
    const body = await store.get('a', signal);
    await expect(
      (async () => {
        for await (const _ of body ?? []) await directory.put('a', bytesOf(400), { signal });
      })(),
    ).rejects.toThrow('was replaced while it was read');
  });

  async function* firstOf(chunks: AsyncIterable<Buffer>, bytes: number) {
    for await (const chunk of chunks) {
      yield chunk.subarray(0, bytes);
      if (chunk.length > bytes) throw new Error('ECONNRESET');
    }
  }
});

test('the first failure is logged, and the first success after it', async () => {
  const lines: unknown[] = [];
  const { directory } = await stage(() => ({}));
  const logged = withRetry(
    { ...directory, ...failing(3, new Error('503'))(directory) },
    logRetries({
      warn: (fields, text) => void lines.push(['warn', fields, text]),
      info: (fields, text) => void lines.push(['info', fields, text]),
    }),
  );
  await logged.put('a', body, { signal });
  expect(lines).toEqual([
    [
      'warn',
      { event: 'request_retry', request: 'put a', why: '503', waitMs: expect.any(Number) },
      expect.stringMatching(/^request failed, retrying in \d+ ms$/),
    ],
    [
      'info',
      { event: 'request_recovered', retries: 3, afterMs: expect.any(Number) },
      expect.stringMatching(/^the store answers again, after \d+\.\d s and 3 failed attempts$/),
    ],
  ]);
});

test('a listing goes on after the last key that it gave', async () => {
  const starts: (string | undefined)[] = [];
  const { store, directory } = await stage(inner => ({
    async *list(prefix, until, startAfter) {
      starts.push(startAfter);
      let listed = 0;
      for await (const object of inner.list(prefix, until, startAfter)) {
        listed += 1;
        if (listed > 2) throw new Error('503');
        yield object;
      }
    },
  }));
  const keys = ['j/1', 'j/2', 'j/a.b', 'j/a/b', 'j/z'];
  for (const key of keys) await directory.put(key, body, { signal });
  const listed: string[] = [];
  for await (const { key } of store.list('j/', signal)) listed.push(key);
  expect(listed).toEqual(keys);
  expect(starts).toEqual([undefined, 'j/2', 'j/a/b']);
});
