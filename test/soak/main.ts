#!/usr/bin/env node
/**
 * Plays many sessions with the test programs, each ended in a way that a seed decides, and looks at what they leave.
 * `--sessions 200 --seed 1 --parallel 2`; `--only 17` plays one of them again, and shows its log.
 */
import { parseArgs } from 'node:util';
import { judge } from './judge.ts';
import { describePlan, drawPlan } from './plan.ts';
import { type Evidence, playPlan, STOP_TIMEOUT_MS } from './play.ts';

const { values: options } = parseArgs({
  options: {
    sessions: { type: 'string', default: '200' },
    seed: { type: 'string', default: `${Date.now() % 100_000}` },
    parallel: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});

const seed = Number(options.seed);

async function main(): Promise<number> {
  const indexes =
    options.only === undefined
      ? Array.from({ length: Number(options.sessions) }, (_, index) => index)
      : [Number(options.only)];
  const results: Result[] = [];
  const waiting = [...indexes];
  const work = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift())
      results.push(await playOne(index));
  };
  await Promise.all(Array.from({ length: Number(options.parallel) }, work));
  process.stdout.write(`${figures(results)}\n`);
  return results.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

interface Result {
  readonly evidence: Evidence;
  readonly faults: readonly string[];
}

async function playOne(index: number): Promise<Result> {
  const plan = drawPlan(seed, index);
  if (options.only !== undefined) process.stdout.write(`${describePlan(plan)}\n`);
  const evidence = await playPlan(plan);
  const faults = judge(plan, evidence);
  if (options.only !== undefined) process.stdout.write(`${evidence.stdout}${evidence.stderr}`);
  if (faults.length > 0)
    process.stdout.write(`--seed ${seed} --only ${index}: ${faults.join('; ')} | ${describePlan(plan)}\n`);
  return { evidence, faults };
}

function figures(results: readonly Result[]): string {
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

process.exitCode = await main();
