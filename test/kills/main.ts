#!/usr/bin/env node
/**
 * Plays many sessions with a journal, kills everything with SIGKILL at random moments, recovers, and compares with what
 * was on disk. `--kills 100 --seed 1 --parallel 3`; `--only 17` plays one of them again, and shows its log.
 * `--deadline` stops one with 2 GiB of logs within 5 seconds instead; `--mib 2048`.
 */
import { parseArgs } from 'node:util';
import { stopInTime } from './deadline.ts';
import { describePlan, drawPlan } from './plan.ts';
import { type Played, playPlan } from './play.ts';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: `${Date.now() % 100_000}` },
    parallel: { type: 'string', default: '3' },
    only: { type: 'string' },
    deadline: { type: 'boolean', default: false },
    mib: { type: 'string', default: '2048' },
  },
});

const seed = Number(options.seed);

async function main(): Promise<number> {
  if (options.deadline) return stopInTime(Number(options.mib), print);
  const waiting =
    options.only === undefined
      ? Array.from({ length: Number(options.kills) }, (_, index) => index)
      : [Number(options.only)];
  const results: Played[] = [];
  const work = async () => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift())
      results.push(await playOne(index));
  };
  await Promise.all(Array.from({ length: Number(options.parallel) }, work));
  print(figures(results));
  return results.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

async function playOne(index: number): Promise<Played> {
  const plan = drawPlan(seed, index);
  const played = await playPlan(plan);
  const { faults, log, missingMs, allowedMs } = played;
  if (options.only !== undefined)
    print(`${log}${describePlan(plan)}: ${seconds(missingMs)} missing, ${seconds(allowedMs)} allowed`);
  if (faults.length > 0)
    print(`--seed ${seed} --only ${index}: ${faults.join('; ')} | ${describePlan(plan)}`);
  return played;
}

function figures(results: readonly Played[]): string {
  const sum = (count: (played: Played) => number) => results.reduce((all, played) => all + count(played), 0);
  const [most] = results.toSorted((a, b) => b.missingMs - a.missingMs);
  const [closest] = results.toSorted((a, b) => b.missingMs / b.allowedMs - a.missingMs / a.allowedMs);
  const tooEarly = results.filter(({ hadJournal }) => !hadJournal).length;
  const excused = results.filter(({ isExcused }) => isExcused).length;
  const within = (played: Played | undefined) =>
    `${seconds(played?.missingMs ?? 0)} (allowed ${seconds(played?.allowedMs ?? 0)})`;
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

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
