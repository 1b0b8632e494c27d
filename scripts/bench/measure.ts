import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { watchPeaks } from './peaks.ts';

export interface Measured {
  readonly seconds: number;
  /** Of all processes, user and system. */
  readonly cpuSeconds: number;
  /** See `Peaks`. */
  readonly peakBytes: number;
  /** Of the machine's processors, the store's process included: 1 is all of them, all the time. */
  readonly busy: number;
}

/**
 * Runs a script for sh to its end and measures it from outside. One that waits prints `ready`, and is timed from the line
 * that it then reads; its CPU time is all of it. @throws when it fails.
 */
export async function measure(
  script: string,
  waits: boolean,
  env: NodeJS.ProcessEnv & { SCRATCH: string },
): Promise<Measured> {
  const times = join(env.SCRATCH, 'times');
  let startMs = performance.now();
  let before = processorTimes();
  const child = spawn('sh', ['-c', `(${script}); status=$?; times >'${times}'; exit $status`], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const peaks = watchPeaks(child.pid ?? 0);
  const exited = once(child, 'exit');
  if (waits) {
    await Promise.race([once(child.stdout, 'data'), exited]);
    startMs = performance.now();
    before = processorTimes();
    child.stdin.write('begin\n');
  }
  child.stdin.end();
  child.stdout.resume();
  const [code] = await exited;
  const seconds = (performance.now() - startMs) / 1000;
  const busy = busyBetween(before, processorTimes());
  const peakBytes = peaks.stop();
  if (code !== 0) throw new Error(`exit code ${code}: ${script}`);
  return { seconds, cpuSeconds: childrenSeconds(await readFile(times, 'utf8')), peakBytes, busy };
}

interface ProcessorTimes {
  readonly idleMs: number;
  readonly allMs: number;
}

function processorTimes(): ProcessorTimes {
  const times = cpus().map(({ times }) => times);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    idleMs: sum(times.map(({ idle }) => idle)),
    allMs: sum(times.flatMap(each => Object.values(each))),
  };
}

function busyBetween(before: ProcessorTimes, after: ProcessorTimes): number {
  return 1 - (after.idleMs - before.idleMs) / (after.allMs - before.allMs);
}

/** The second line of sh's `times` is the children's, user and system: "0m1.230s 0m0.450s". */
function childrenSeconds(times: string): number {
  const [, children = ''] = times.split('\n');
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
