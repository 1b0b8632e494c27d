#!/usr/bin/env node
// check.ts <npm script>: runs that script, which is to run tests, and the static checks beside it.
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

/** How many tests have passed, as the beginning of a list; empty where Vitest has not come to its end. */
async function countPassed(file: string): Promise<string> {
  try {
    const { numPassedTests } = JSON.parse(await readFile(file, 'utf8'));
    return `${numPassedTests} tests, `;
  } catch {
    return '';
  }
}

const [tests = 'test'] = process.argv.slice(2);
await using folder = await mkdtempDisposable(join(tmpdir(), 'check-'));
const counted = join(folder.path, 'tests.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${counted}`];
// Only the tests write at once: lines of several programs, mixed, could not be read.
const [checks, tested] = await Promise.all([runChecks(), run(tests, 'inherit', reporters)]);
const results = [...checks, tested];
for (const { script, passed, output, seconds } of results) {
  if (!passed) process.stdout.write(output);
  const count = script === tests ? await countPassed(counted) : '';
  process.stdout.write(`${script}: ${passed ? 'passed' : 'FAILED'} (${count}${seconds} s)\n`);
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
