import { expect, test } from 'vitest';
import { withoutListed } from '../../src/servermgr/fleet/merge.ts';
import { launchedRecord } from './support/fleet-parts.ts';

const MINUTE = 60_000;
const NOW = Date.now();

test('a launch that nobody has confirmed is not gone until it is stopped: it is repeated', () => {
  const record = launchedRecord({ launchTriedMs: NOW - 10 * MINUTE });
  expect(withoutListed(record, NOW - 10 * MINUTE, NOW)).toBe(record);
});

test('one that was stopped is gone a minute later, whichever instance has begun to miss it', () => {
  const stop = (atMs: number) => ({ why: 'too-old', atMs }) as const;
  const record = launchedRecord({ launchTriedMs: NOW - 10 * MINUTE, stop: stop(NOW - 2 * MINUTE) });
  expect(withoutListed(record, NOW, NOW)).toMatchObject({ overMs: NOW, goneMs: undefined });
  const lately = { ...record, stop: stop(NOW - MINUTE / 2) };
  expect(withoutListed(lately, NOW, NOW)).toBe(lately);
  const tried = { ...record, launchTriedMs: NOW - MINUTE / 2 };
  expect(withoutListed(tried, NOW, NOW)).toBe(tried);
});

test('one that was confirmed is gone when it was missed for a minute', () => {
  const record = launchedRecord({ launchTriedMs: 0, confirmedMs: NOW - 10 * MINUTE });
  expect(withoutListed(record, NOW - MINUTE / 2, NOW)).toBe(record);
  expect(withoutListed(record, NOW - 2 * MINUTE, NOW)).toMatchObject({ overMs: NOW });
});

test('the page of one that is over tells so for an hour, though its launcher has nothing of it', () => {
  const record = launchedRecord({ overMs: NOW - MINUTE });
  expect(withoutListed(record, NOW, NOW).goneMs).toBeUndefined();
  expect(withoutListed({ ...record, overMs: NOW - 61 * MINUTE }, NOW, NOW).goneMs).toBe(NOW);
});
