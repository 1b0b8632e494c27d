import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { claimName } from '../../src/save/claim.ts';
import { keepClaiming } from '../../src/save/keep-claiming.ts';
import { PermanentError } from '../../src/store/store.ts';
import { openTestStore } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultRule, startS3Server } from '../support/s3-server.ts';

const patient = new AbortController().signal;

async function claimAt(faults: readonly FaultRule[]) {
  const s3 = await startS3Server({ faults });
  onTestFinished(() => s3.close());
  const store = await openTestStore(s3.url);
  onTestFinished(() => store.close());
  const claimant = { timestamp: 'T', run: randomUUID(), startedAt: new Date().toISOString(), host: 'here' };
  const told: string[] = [];
  const claim = keepClaiming(
    (signal, retry) => claimName(store, claimant, { signal, retry, root: '' }),
    why => told.push(why),
  );
  onTestFinished(() => claim.close());
  return { s3, claim, told };
}

const PUTS = { match: { operation: 'PutObject' } } as const;

test.for(['503', 'deny', 'reset'] as const)(
  'is told once while the store answers %s, and succeeds when that is over',
  async fault => {
    const { s3, claim, told } = await claimAt([{ ...PUTS, do: fault }]);
    await eventually(() => (s3.counts.PutObject ?? 0) >= 3);
    expect(told).toHaveLength(1);
    expect(claim.claimed()).toBeUndefined();
    s3.setFaults([]);
    expect((await claim.whenClaimed).name).toBe('T');
    expect(await claim.claimNow(patient)).toEqual(claim.claimed());
  },
);

test('fails at once at the end of a session whose store denies it', async () => {
  const { s3, claim } = await claimAt([{ ...PUTS, do: 'deny' }]);
  await eventually(() => (s3.counts.PutObject ?? 0) >= 2);
  await expect(claim.claimNow(patient)).rejects.toThrow(PermanentError);
});

test('fails at the end of a session that is denied it only then', async () => {
  const { s3, claim } = await claimAt([{ ...PUTS, do: 'hold' }]);
  await eventually(() => s3.counts.PutObject === 1);
  const claiming = claim.claimNow(AbortSignal.timeout(30_000));
  s3.setFaults([{ ...PUTS, do: 'deny' }]);
  await expect(claiming).rejects.toThrow(PermanentError);
});

test('gives up a request that hangs when it is hurried, if one has failed before', async () => {
  const { s3, claim } = await claimAt([
    { match: { operation: 'PutObject', nth: 1 }, do: '503' },
    { ...PUTS, do: 'stall' },
  ]);
  await eventually(() => s3.counts.PutObject === 2);
  s3.setFaults([]);
  // One that is only hurried has 8 s for its request.
  expect((await claim.claimNow(AbortSignal.timeout(7_000))).name).toBe('T');
});

test('ends by the deadline of whoever waits for it, and may succeed for the next one', async () => {
  const { s3, claim } = await claimAt([{ ...PUTS, do: '503' }]);
  await expect(claim.claimNow(AbortSignal.abort(new Error('time is up')))).rejects.toThrow('time is up');
  s3.setFaults([]);
  expect((await claim.claimNow(patient)).name).toBe('T');
});

test('does not wait for the end of a long pause when it is hurried', async () => {
  const { s3, claim } = await claimAt([{ ...PUTS, do: '503' }]);
  // By now the pauses between attempts are as long as a second.
  await eventually(() => (s3.counts.PutObject ?? 0) >= 5);
  s3.setFaults([]);
  const startMs = performance.now();
  await claim.claimNow(patient);
  expect(performance.now() - startMs).toBeLessThan(900);
});
