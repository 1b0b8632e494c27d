import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Bucket, createBucket, type TakeOptions } from '../../src/servermgr/launchers/ecs/rate.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('so many go at once, and so many a second after that', async () => {
  const passed = count(createBucket({ burst: 5, perSecond: 10 }), 30);
  expect(await passed(0)).toBe(5);
  expect(await passed(1_000)).toBe(15);
  expect(await passed(1_500)).toBe(30);
});

test('a bucket that nobody has used for long holds no more than its burst', async () => {
  const bucket = createBucket({ burst: 5, perSecond: 10 });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(await count(bucket, 30)(0)).toBe(5);
});

test('what is urgent goes first, however late it comes', async () => {
  const bucket = createBucket({ burst: 1, perSecond: 10 });
  const order: string[] = [];
  const take = async (name: string, options?: TakeOptions) => {
    await bucket.take(options);
    order.push(name);
  };
  const all = [take('first'), take('list'), take('list'), take('look', { urgent: true })];
  await vi.advanceTimersByTimeAsync(300);
  await Promise.all(all);
  expect(order).toEqual(['first', 'look', 'list', 'list']);
});

test('whoever gives up stops waiting at once, and uses no token', async () => {
  const bucket = createBucket({ burst: 1, perSecond: 1 });
  await bucket.take();
  const abort = new AbortController();
  const givenUp = [1, 2, 3].map(() => bucket.take({ signal: abort.signal }));
  const next = count(bucket, 1);
  abort.abort(new Error('not needed any more'));
  for (const each of givenUp) await expect(each).rejects.toThrow('not needed any more');
  await expect(bucket.take({ signal: abort.signal })).rejects.toThrow('not needed any more');
  expect(await next(1_000)).toBe(1);
});

test('a refusal halves the rate, once for all that were under way, and nothing goes at once', async () => {
  const bucket = createBucket({ burst: 50, perSecond: 10 });
  for (let refused = 0; refused < 20; refused += 1) bucket.throttled();
  const passed = count(bucket, 1_000);
  expect(await passed(0)).toBe(0);
  expect(await passed(2_000)).toBeOneOf([10, 11]);
});

test('the rate comes back within a minute, and is never nothing', async () => {
  const bucket = createBucket({ burst: 10, perSecond: 10 });
  for (let second = 0; second < 60; second += 1) {
    bucket.throttled();
    await vi.advanceTimersByTimeAsync(1_000);
  }
  const passed = count(bucket, 10_000);
  expect(await passed(10_000)).toBeGreaterThan(3);
  await passed(60_000);
  const before = await passed(0);
  expect((await passed(10_000)) - before).toBeOneOf([99, 100, 101]);
});

/** Takes so many tokens. @returns waits, and tells how many it has by then */
function count(bucket: Bucket, tokens: number): (waitMs: number) => Promise<number> {
  let taken = 0;
  for (let index = 0; index < tokens; index += 1) {
    void bucket.take().then(() => {
      taken += 1;
    });
  }
  return async waitMs => {
    await vi.advanceTimersByTimeAsync(waitMs);
    return taken;
  };
}
