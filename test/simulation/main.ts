#!/usr/bin/env node
/**
 * Plays many sessions, and their recoveries, over a store that misbehaves in every way at once, by a simulated clock:
 * `--runs 1000 --seed 1`. A failure is shrunk, and told as the options that repeat it: `--seed 1 --path 17:0:3` shows
 * its log. One session of four is cut off for so long that it is taken for dead; with `--takeover` all are.
 */
import './world.ts';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { pino } from 'pino';
import { FAULTS, noFaults } from './faults.ts';
import { type Plan, plans } from './plan.ts';
import { type Result, run } from './run.ts';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: `${process.hrtime()[1] % 100_000}` },
    path: { type: 'string' },
    takeover: { type: 'boolean', default: false },
  },
});

const realNow = process.hrtime.bigint;
const startedNs = realNow();
// Thousands of small files a second: memory is the place for them.
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'simulation-'));
const totals = {
  runs: 0,
  takeovers: 0,
  comparedBytes: 0,
  wrongBytes: 0,
  ms: 0,
  counts: noFaults(),
  trace: '',
};
const log = pino({ level: options.path === undefined ? 'silent' : 'info' }, { write: print });

function print(line: string): void {
  process.stdout.write(line);
}

function add(plan: Plan, { counts, comparedBytes, wrongBytes, ms, events }: Result): void {
  totals.runs += 1;
  if (plan.takeover) totals.takeovers += 1;
  totals.comparedBytes += comparedBytes;
  totals.wrongBytes += wrongBytes;
  totals.ms += ms;
  for (const fault of FAULTS) totals.counts[fault] += counts[fault];
  totals.trace = hash('sha1', totals.trace + JSON.stringify(events));
}

/** A failure is made smaller for a minute at most. */
const SHRINKS = 1_000;
let failures = 0;

async function check(plan: Plan): Promise<void> {
  if (failures > 0) failures += 1;
  if (failures > SHRINKS) return;
  const result = await run(plan, { scratch, log });
  add(plan, result);
  if (options.path !== undefined) for (const event of result.events) print(`${JSON.stringify(event)}\n`);
  if (result.faults.length === 0) return;
  failures += 1;
  throw new Error(result.faults.join('; '));
}

const { seed, path, takeover } = options;
const details = await fc.check(fc.asyncProperty(plans({ takeover }), check), {
  numRuns: Number(options.runs),
  seed: Number(seed),
  ...(path === undefined ? {} : { path, endOnFailure: true }),
});
rmSync(scratch, { recursive: true, force: true });

const seconds = Number(realNow() - startedNs) / 1e9;
console.log(
  [
    `${totals.runs} runs, seed ${seed}: ${(totals.ms / 3_600_000).toFixed(1)} simulated hours in ${seconds.toFixed(1)} s`,
    `${totals.takeovers} with a session that is taken for dead`,
    ...FAULTS.map(fault => `${totals.counts[fault]} ${fault}`),
    `${totals.comparedBytes} bytes compared, ${totals.wrongBytes} wrong`,
    `what the stores did: ${totals.trace}`,
  ].join('\n'),
);
if (details.failed) {
  const [plan] = details.counterexample ?? [];
  console.log(`FAILED: ${details.errorInstance}`);
  console.log(
    `repeat it: npm run simulate --${takeover ? ' --takeover' : ''} --seed ${seed} --path ${details.counterexamplePath}`,
  );
  console.log(JSON.stringify(plan));
  process.exitCode = 1;
}
