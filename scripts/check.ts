#!/usr/bin/env node
// check.ts <npm script> [--again]: runs that script, which is to run tests, and the static checks beside it. With --again
// the few files whose tests have failed beside all the others are run once more, one after the other: what passes then
// failed for want of a free machine, and is named.
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** One after the other: together they are done long before the tests. */
const STATIC_CHECKS = ['typecheck', 'lint', 'knip'];

interface Result {
  readonly script: string;
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

/** Runs an npm script. @returns what it has written, as far as `stdio` has it piped */
async function run(
  script: string,
  stdio: SpawnOptions['stdio'],
  args: readonly string[] = [],
): Promise<Result> {
  const startMs = performance.now();
  const child = spawn('npm', ['run', '--silent', script, '--', ...args], { stdio });
  const output = Promise.all([child.stdout, child.stderr].map(stream => (stream ? text(stream) : '')));
  const [code] = await once(child, 'close');
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  return { script, passed: code === 0, output: (await output).join(''), seconds };
}

async function runChecks(): Promise<Result[]> {
  const results: Result[] = [];
  for (const script of STATIC_CHECKS) results.push(await run(script, ['ignore', 'pipe', 'pipe']));
  return results;
}

interface TestReport {
  readonly numPassedTests: number;
  readonly testResults: readonly { readonly name: string; readonly status: string }[];
}

/** What Vitest has written; undefined where it has not come to its end. */
async function readTestReport(file: string): Promise<TestReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** More than a busy machine explains. */
const MOST_AGAIN = 8;

/** Runs the files that have failed once more, by themselves. @returns whether all of them have passed now */
async function runAgain(tests: string, { testResults }: TestReport): Promise<boolean> {
  const failed = testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
  if (failed.length === 0 || failed.length > MOST_AGAIN) return false;
  process.stdout.write(`FAILED beside the others, once more alone:\n${failed.join('\n')}\n`);
  const { passed } = await run(tests, 'inherit', ['--no-file-parallelism', ...failed]);
  if (passed) process.stdout.write(`passed alone, to be mended:\n${failed.join('\n')}\n`);
  return passed;
}

const [tests = 'test', again] = process.argv.slice(2);
await using folder = await mkdtempDisposable(join(tmpdir(), 'check-'));
const counted = join(folder.path, 'tests.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${counted}`];
// Only the tests write at once: lines of several programs, mixed, could not be read.
const [checks, tested] = await Promise.all([runChecks(), run(tests, 'inherit', reporters)]);
const report = await readTestReport(counted);
const passedAgain =
  !tested.passed && again === '--again' && report !== undefined && (await runAgain(tests, report));
const results = [...checks, { ...tested, passed: tested.passed || passedAgain }];
for (const { script, passed, output, seconds } of results) {
  if (!passed) process.stdout.write(output);
  const count = script === tests && report !== undefined ? `${report.numPassedTests} tests, ` : '';
  process.stdout.write(`${script}: ${passed ? 'passed' : 'FAILED'} (${count}${seconds} s)\n`);
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
