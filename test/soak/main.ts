#!/usr/bin/env node
/**
 * Runs many sessions with the test programs, each ended in a way that a seed decides, and checks what they leave.
 * `--sessions 200 --seed 1 --parallel 2`; `--only 17` repeats one of them, and shows its log.
 */
import { parseArgs } from 'node:util';
import { makeSeededRuns, seededOptions } from '../support/seeded-runs.ts';
import type { Evidence } from './evidence.ts';
import { judge } from './judge.ts';
import { describePlan, randomPlan } from './plan.ts';
import { runPlan, STOP_TIMEOUT_MS } from './run.ts';

interface Result {
  readonly evidence: Evidence;
  readonly faults: readonly string[];
}

function summarise(results: readonly Result[], seed: number): string {
  const all = results.map(({ evidence }) => evidence);
  const right = results.filter(({ faults }) => faults.length === 0).length;
  const processes = all.reduce((sum, { processesLeft }) => sum + processesLeft.length, 0);
  const uploads = all.reduce((sum, { uploadsLeft }) => sum + uploadsLeft, 0);
  const codes = Map.groupBy(all, ({ code, killedBy }) => killedBy ?? String(code));
  const counts = [...codes].map(([code, { length }]) => `${code}: ${length}`).sort();
  const slowestMs = Math.max(
    0,
    ...all.map(({ signals: [first], endedAtMs }) => (first ? endedAtMs - first.atMs : 0)),
  );
  return [
    `${all.length} sessions, seed ${seed}: ${right} right`,
    `${processes} processes left`,
    `${uploads} uploads open`,
    `codes {${counts.join(', ')}}`,
    `slowest stop ${(slowestMs / 1_000).toFixed(1)} s of ${STOP_TIMEOUT_MS / 1_000} s`,
  ].join(', ');
}

const { values: options } = parseArgs({
  options: { sessions: { type: 'string', default: '200' }, ...seededOptions({ parallel: 2 }) },
});
process.exitCode = await makeSeededRuns(
  {
    plan: randomPlan,
    describe: describePlan,
    async run(plan): Promise<Result> {
      const evidence = await runPlan(plan);
      return { evidence, faults: judge(plan, evidence) };
    },
    log: (plan, { evidence }) => `${describePlan(plan)}\n${evidence.log}${evidence.stderr}`,
    summarise,
  },
  { ...options, count: Number(options.sessions) },
);
