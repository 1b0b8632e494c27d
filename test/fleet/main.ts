#!/usr/bin/env node
/**
 * A fleet of a thousand sessions, of which each has a viewer: three instances, a Postgres, and a simulated ECS and EC2
 * with the limits that AWS publishes. Prints what was measured beside its limit, and fails when one is not kept.
 * `--minutes 2 --tasks 1000`
 */
import { parseArgs } from 'node:util';
import { judge } from './judge.ts';
import { planFor } from './plan.ts';
import { simulate } from './run.ts';
import { tableOf } from './table.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '2' }, tasks: { type: 'string', default: '1000' } },
});
const startMs = performance.now();
const tell = (text: string) => {
  process.stderr.write(`${((performance.now() - startMs) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`);
};
const outcome = await simulate(planFor(Number(values.minutes) * 60_000, Number(values.tasks)), tell);
const verdicts = judge(outcome);
process.stdout.write(`${tableOf(verdicts)}\n`);
process.exitCode = verdicts.every(({ isKept }) => isKept) ? 0 : 1;
