import { expect, test } from 'vitest';
import { runBuilding } from './building.ts';
import { type Plan, randomPlan } from './plan.ts';
import { runPlan } from './run.ts';

const KILLED: Partial<Plan> = { intervalMs: 200, livesMs: 2_500, breaksAfterMs: undefined };

/** How much may be missing depends on how busy the machine is: that is for `npm run kills`. */
test.concurrent.each([
  ['a folder', { ...randomPlan(14, 0), ...KILLED, kind: 'folder', faults: [], recoveryFaults: [] }],
  ['a store that resets connections', { ...randomPlan(14, 1), ...KILLED, kind: 's3', faults: [resets()] }],
] satisfies [string, Plan][])(
  'of a session that is killed over %s no byte is wrong, and no line torn',
  {
    tags: ['slow'],
  },
  async (_, plan) => {
    const { log, faults, ...result } = await runPlan({ ...plan, recoveriesKilledAfterMs: [300] });
    expect(result, log).toMatchObject({ hadJournal: true, wrongBytes: 0, tornLines: 0 });
    expect(faults.filter(fault => !/ misses \d+ ms /.test(fault))).toEqual([]);
  },
);

function resets(): Plan['faults'][number] {
  return { match: { operation: 'PutObject', probability: 0.3, seed: 14 }, do: 'reset-after-commit' };
}

test.concurrent('of a world that is built when its session is killed no chunk is damaged', {
  tags: ['slow'],
}, async () => {
  const { damagedChunks, recovered, log } = await runBuilding({ blockEveryMs: 20, livesMs: 16_000 });
  expect(damagedChunks, log).toBe(0);
  expect(recovered, log).toBeGreaterThan(0);
});
