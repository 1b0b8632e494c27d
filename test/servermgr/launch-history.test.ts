import { expect, test } from 'vitest';
import { type FleetRecord, newRecord } from '../../src/servermgr/database/records.ts';
import { createLaunchHistory, LATELY } from '../../src/servermgr/fleet/launch-history.ts';
import type { Observation } from '../../src/servermgr/fleet/observation.ts';
import { requestedSession } from '../../src/servermgr/launchers/launcher.ts';
import { SEEN } from './support/fleet-parts.ts';

/** A session that was ready so many seconds after it was asked for. */
function launch(
  id: number,
  seconds: number,
  changes: Partial<Observation> = {},
  world = 'flat',
): FleetRecord {
  const identity = { id: `id-${id}`, idempotencyKey: `${id}`, visitorHash: '', world, attempt: 1 };
  const requestedMs = id * 1_000_000;
  const observation = { ...SEEN, readyMs: requestedMs + seconds * 1_000, ...changes };
  return newRecord(requestedSession(identity, ''), { requestedMs, observation });
}

function historyOf(...records: readonly FleetRecord[]) {
  const history = createLaunchHistory();
  for (const record of records) history.note(record);
  return history;
}

test('what a launch usually takes is the median of three at least, for people to read', () => {
  const three = [launch(1, 97), launch(2, 600), launch(3, 31)];
  expect(historyOf(...three.slice(0, 2)).usual(['flat']).readyAfterMs).toBeUndefined();
  expect(historyOf(...three).usual(['flat']).readyAfterMs).toBe(95_000);
  expect(historyOf(...three, launch(4, 107)).usual(['flat']).readyAfterMs).toBe(100_000);
  // The same session again is no other launch.
  expect(historyOf(launch(1, 97), launch(1, 97), launch(1, 97)).usual(['flat']).readyAfterMs).toBeUndefined();
});

test('what was never ready, and what nobody saw becoming ready, counts for nothing', () => {
  const history = historyOf(
    ...[launch(1, 20), launch(2, 20), launch(3, 20, { readyMs: undefined })],
    launch(4, 9_000, { fromStart: false }),
  );
  expect(history.usual(['flat']).readyAfterMs).toBeUndefined();
});

test('only the latest launches count, in whatever order they are read', () => {
  const slow = Array.from({ length: LATELY }, (_, index) => launch(index, 300));
  const fast = Array.from({ length: LATELY }, (_, index) => launch(LATELY + index, 30));
  expect(historyOf(...slow, ...fast).usual(['flat']).readyAfterMs).toBe(30_000);
  expect(historyOf(...fast, ...slow).usual(['flat']).readyAfterMs).toBe(30_000);
});

test('the version is what the world’s latest session told; of a new world the others tell, if they agree', () => {
  const history = historyOf(launch(2, 20), launch(1, 20, { version: 'Cuberite 1.8' }));
  expect(history.usual(['flat']).version).toBe('1.12.2');
  expect(history.usual(['new']).version).toBeUndefined();
  const other = historyOf(launch(1, 20), launch(2, 20, { version: '1.16.5' }, 'demo'));
  expect([['flat'], ['demo'], ['flat', 'demo'], ['new']].map(worlds => other.usual(worlds).version)).toEqual([
    ...['1.12.2', '1.16.5'],
    ...[undefined, undefined],
  ]);
  expect(historyOf(launch(1, 20)).usual(['new', 'flat']).version).toBe('1.12.2');
  expect(historyOf(launch(1, 20, { version: undefined })).usual(['flat']).version).toBeUndefined();
});
