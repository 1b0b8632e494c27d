#!/usr/bin/env node
/**
 * Runs many sessions with a journal, kills everything with SIGKILL at random moments, recovers, and compares with what
 * was on disk. `--kills 100 --seed 1 --parallel 3`; `--only 17` repeats one of them, and shows its log.
 * `--deadline` stops one with 2 GiB of logs within 5 seconds instead; `--mib 2048`. `--building` kills sessions in
 * whose world somebody builds, and looks at the blocks that are recovered: with Cuberite's stand-in, or with the real
 * server of SESSION_CUBERITE_HOME.
 */
import { parseArgs } from 'node:util';
import { makeSeededRuns, seededOptions } from '../support/seeded-runs.ts';
import { buildingPlan, describeBuilding, runBuilding, summariseBuilding } from './building.ts';
import { stopInTime } from './deadline.ts';
import { describePlan, type Plan, randomPlan } from './plan.ts';
import { type Result, runPlan } from './run.ts';

function log(plan: Plan, { log, missingMs, allowedMs }: Result): string {
  return `${log}${describePlan(plan)}: ${seconds(missingMs)} missing, ${seconds(allowedMs)} allowed\n`;
}

function summarise(results: readonly Result[], seed: number): string {
  const sum = (count: (result: Result) => number) => results.reduce((all, result) => all + count(result), 0);
  const [most] = results.toSorted((a, b) => b.missingMs - a.missingMs);
  const [closest] = results.toSorted((a, b) => b.missingMs / b.allowedMs - a.missingMs / a.allowedMs);
  const tooEarly = results.filter(({ hadJournal }) => !hadJournal).length;
  const excused = results.filter(({ isExcused }) => isExcused).length;
  const within = (result: Result | undefined) =>
    `${seconds(result?.missingMs ?? 0)} (allowed ${seconds(result?.allowedMs ?? 0)})`;
  return [
    `${results.length} kills, seed ${seed}: ${results.length - tooEarly} recovered`,
    `${tooEarly} before their first segment`,
    `${sum(({ wrongBytes }) => wrongBytes)} bytes wrong`,
    `${sum(({ tornLines }) => tornLines)} lines torn`,
    `most missing ${within(most)}`,
    `closest to its limit ${within(closest)}`,
    `${excused} with a log cut before it was seen to grow`,
  ].join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    ...seededOptions({ parallel: 3 }),
    building: { type: 'boolean', default: false },
    deadline: { type: 'boolean', default: false },
    mib: { type: 'string', default: '2048' },
  },
});
const settings = { ...options, count: Number(options.kills) };
process.exitCode = options.deadline
  ? await stopInTime(Number(options.mib))
  : options.building
    ? await makeSeededRuns(
        {
          plan: buildingPlan,
          describe: describeBuilding,
          run: runBuilding,
          log: (plan, { log }) => `${log}${describeBuilding(plan)}\n`,
          summarise: summariseBuilding,
        },
        settings,
      )
    : await makeSeededRuns(
        { plan: randomPlan, describe: describePlan, run: runPlan, log, summarise },
        settings,
      );
