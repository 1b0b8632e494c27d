#!/usr/bin/env node
/**
 * Kills a process at each point at which it changes something at its destination, one run for each point, recovers
 * twice, and compares with what had been durable. `--points 10` takes so many of each scenario, evenly; `--parallel 3`;
 * `--only session-s3:17` repeats one, and shows its log.
 */
import { parseArgs } from 'node:util';
import { mapParallel } from '../support/parallel.ts';
import { type Prepared, prepare, type Result, runPoint } from './run.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const { values: options } = parseArgs({
  options: {
    points: { type: 'string', default: 'all' },
    parallel: { type: 'string', default: '4' },
    only: { type: 'string' },
  },
});

async function runScenario(scenario: Scenario, only: number | undefined): Promise<boolean> {
  const prepared = await prepare(scenario);
  const points = only === undefined ? choose(prepared.points) : [only];
  const results = await mapParallel(points, Number(options.parallel), async point => {
    const result = await runPoint(prepared, point);
    if (only !== undefined) process.stdout.write(`${result.log}${result.what}\n`);
    if (result.faults.length > 0)
      console.log(`--only ${scenario.name}:${point}: ${result.faults.join('; ')} | ${result.what}`);
    return result;
  });
  console.log(summarise(prepared, results));
  // A scenario that meets no points holds nothing.
  return prepared.points > 0 && results.every(({ faults }) => faults.length === 0);
}

/** All of them, or as many as are wanted, evenly. */
function choose(count: number): readonly number[] {
  const wanted = options.points === 'all' ? count : Math.min(count, Number(options.points));
  return Array.from({ length: wanted }, (_, index) => 1 + Math.floor((index * count) / wanted));
}

function summarise({ scenario, points }: Prepared, results: readonly Result[]): string {
  const most = (of: (result: Result) => number) => Math.max(0, ...results.map(of));
  const passed = results.filter(({ what }) => what === undefined).length;
  return [
    `${scenario.name}: ${results.length} of ${points} points`,
    `${passed} of them not reached`,
    `worst loss ${most(({ lostBytes }) => lostBytes)} bytes and ${seconds(most(({ lostMs }) => lostMs))} of what was durable`,
    `${most(({ wrongBytes }) => wrongBytes)} bytes wrong`,
    `the last recovered line at most ${seconds(most(({ ageMs }) => ageMs))} before the last written`,
    `${results.filter(({ faults }) => faults.length > 0).length} with faults`,
  ].join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

const [onlyName, onlyPoint] = options.only?.split(':') ?? [];
let isGood = true;
for (const scenario of SCENARIOS) {
  if (onlyName !== undefined && scenario.name !== onlyName) continue;
  const only = onlyPoint === undefined ? undefined : Number(onlyPoint);
  if (!(await runScenario(scenario, only))) isGood = false;
}
process.exitCode = isGood ? 0 : 1;
