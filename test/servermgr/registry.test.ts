import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { FleetTable } from '../../src/servermgr/database/fleet-table.ts';
import type { Lease } from '../../src/servermgr/database/lease.ts';
import { newRecord, rowOf } from '../../src/servermgr/database/records.ts';
import type { SessionRow } from '../../src/servermgr/database/schema.ts';
import { createRegistry } from '../../src/servermgr/fleet/registry.ts';
import { requestedSession } from '../../src/servermgr/launchers/launcher.ts';
import { newRequest } from './support/launch-request.ts';

const START_MS = 1_000_000;

/** A registry on a table and a clock that the test sets. */
function createStand() {
  const asked: (number | undefined)[] = [];
  let nowMs = START_MS;
  let answer: (sinceMs: number | undefined) => Promise<readonly SessionRow[]> = async () => [];
  const stub = {
    async changedSince(sinceMs: number | undefined) {
      asked.push(sinceMs);
      return answer(sinceMs);
    },
    saveObserved: async () => false,
    status: async () => ({ listedMs: nowMs, fault: undefined, leftMs: 5_000, nowMs }),
    isHeld: () => true,
  };
  const settings = {
    ...{ env: {}, destination: { kind: 'directory', path: '/nowhere' } as const, costPerHour: undefined },
    ...{ joinTimeoutMs: 1, emptyTimeoutMs: 1, maxDurationMs: 1, agentPlayers: 1, pathStyle: false },
  };
  const [table, lease] = [stub as unknown as FleetTable, stub as unknown as Lease];
  return {
    registry: createRegistry(table, lease, settings, pino({ level: 'silent' })),
    asked,
    passMs: (ms: number) => {
      nowMs += ms;
    },
    answers: (next: typeof answer) => {
      answer = next;
    },
  };
}

function newRow(): SessionRow {
  const record = newRecord(requestedSession(newRequest(), ''), { requestedMs: 1, changedMs: START_MS });
  return rowOf(record) as SessionRow;
}

test('what has changed is read for fifteen seconds, and not again until something else changes', async () => {
  const { registry, asked, passMs, answers } = createStand();
  const rows = [newRow()];
  answers(async () => rows);
  await registry.read();
  for (const ms of [500, 60_000]) {
    passMs(ms);
    await registry.read();
  }
  await registry.read();
  expect(asked).toEqual([undefined, START_MS - 15_000, START_MS + 500 - 15_000, START_MS + 60_500 - 15_000]);
  expect(registry.records()).toHaveLength(1);
});

test('an instance that loses its lease while it reads what has changed forgets no session', async () => {
  const { registry, answers } = createStand();
  const rows = [newRow(), newRow(), newRow()];
  answers(async sinceMs => (sinceMs === undefined ? rows : []));
  await registry.read();
  const [record] = registry.records();
  if (record === undefined) throw new Error('nothing was read');
  registry.observe({ ...record, overMs: 1 });
  answers(async () => {
    await registry.save(async () => false);
    return rows.slice(0, 1);
  });
  await registry.read();
  expect(registry.records()).toHaveLength(3);
  answers(async sinceMs => (sinceMs === undefined ? rows : []));
  await registry.read();
  expect(registry.records().map(({ overMs }) => overMs)).toEqual([undefined, undefined, undefined]);
});
