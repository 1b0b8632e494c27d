import { expect, test } from 'vitest';
import type { Log } from '../../src/runtime/log.ts';
import { describeSilent, watchDashboard } from '../../src/session/dashboard.ts';

function listen() {
  const told: string[] = [];
  const tell = ({ event }: { event: string }, text: string) => void told.push(`${event}: ${text}`);
  const log: Log = { debug: tell, info: tell, warn: tell, error: tell };
  return { told, log };
}

test('a port of the dashboard that stays silent for a minute is told once, and that it listens after all', () => {
  const { told, log } = listen();
  const dashboard = watchDashboard([80, 8000], log, 0);
  dashboard.look(new Set([8000]), 59_999);
  expect(dashboard.silent()).toEqual([80]);
  expect(told).toEqual([]);
  for (const atMs of [60_000, 61_000]) dashboard.look(new Set([8000]), atMs);
  expect(dashboard.missing()).toEqual([80]);
  dashboard.look(new Set([80, 8000]), 62_000);
  expect(dashboard.missing()).toEqual([]);
  expect(told).toEqual([
    "dashboard_missing: nothing listens at the dashboard's port 80 for a minute",
    'dashboard_listens: the dashboard listens at port 80',
  ]);
});

test('a dashboard that goes with its agent, or for a moment, is not missed', () => {
  const { told, log } = listen();
  const dashboard = watchDashboard([80, 8000], log, 0);
  dashboard.look(new Set([80, 8000]), 100_000);
  dashboard.look(new Set(), 101_000);
  expect(describeSilent(dashboard.silent())).toBe("nothing listens at the dashboard's ports 80, 8000");
  dashboard.look(new Set(), 159_999);
  expect(dashboard.missing()).toEqual([]);
  expect(told).toEqual([]);
});
