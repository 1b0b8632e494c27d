#!/usr/bin/env node
/**
 * Kills a process at each point at which it changes something at its destination, one run for each point, recovers
 * twice, and compares with what had been durable. `--points 10` takes so many of each scenario, evenly; `--parallel 3`;
 * `--only 'session-s3:after PutObject …'`, as it was printed, repeats one, and shows its log; without a point, it is one
 * scenario.
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

async function runScenario(scenario: Scenario, only: string | undefined): Promise<boolean> {
  const prepared = await prepare(scenario);
  const points = only === undefined ? choose(prepared.points) : [only];
  const results = await mapParallel(points, Number(options.parallel), async point => {
    const result = await runPoint(prepared, point);
    if (only !== undefined) process.stdout.write(result.log);
    if (result.faults.length > 0)
      console.log(`--only '${scenario.name}:${point}': ${result.faults.join('; ')}`);
    return result;
  });
  console.log(summarise(prepared, results));
  // A scenario in which nobody was killed shows nothing; of a few points it may be that none was reached.
  const isShown = options.points !== 'all' || results.some(({ isReached }) => isReached);
  return isShown && results.every(({ faults }) => faults.length === 0);
}

/** All of them, or as many as are wanted, evenly. */
function choose(all: readonly string[]): readonly string[] {
  const wanted = options.points === 'all' ? all.length : Number(options.points);
  const step = Math.max(1, all.length / wanted);
  return all.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

function summarise({ scenario, points }: Prepared, results: readonly Result[]): string {
  const most = (of: (result: Result) => number) => Math.max(0, ...results.map(of));
  const passed = results.filter(({ isReached }) => !isReached).length;
  return [
    `${scenario.name}: ${results.length} of ${points.length} points`,
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

const [onlyName, onlyPoint] = options.only?.split(/:(.*)/) ?? [];
let isGood = true;
for (const scenario of SCENARIOS) {
  if (onlyName !== undefined && scenario.name !== onlyName) continue;
  if (!(await runScenario(scenario, onlyPoint))) isGood = false;
}
process.exitCode = isGood ? 0 : 1;
