import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Measured {
  readonly seconds: number;
  /** Of all processes, user and system. */
  readonly cpuSeconds: number;
  /** The peaks of all processes, added up. */
  readonly peakBytes: number;
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
  const child = spawn('sh', ['-c', `(${script}); status=$?; times >'${times}'; exit $status`], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const peaks = new Map<number, number>();
  const sampler = setInterval(() => samplePeaks(child.pid, peaks), SAMPLE_MS);
  const exited = once(child, 'exit');
  if (waits) {
    await Promise.race([once(child.stdout, 'data'), exited]);
    startMs = performance.now();
    child.stdin.write('begin\n');
  }
  child.stdin.end();
  child.stdout.resume();
  const [code] = await exited;
  const seconds = (performance.now() - startMs) / 1000;
  clearInterval(sampler);
  if (code !== 0) throw new Error(`exit code ${code}: ${script}`);
  const peakBytes = [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0);
  return { seconds, cpuSeconds: childrenSeconds(await readFile(times, 'utf8')), peakBytes };
}

const SAMPLE_MS = 25;

/** The second line of sh's `times` is the children's, user and system: "0m1.230s 0m0.450s". */
function childrenSeconds(times: string): number {
  const [, children = ''] = times.split('\n');
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

/** Notes the highest resident size that each process below this one has had. */
function samplePeaks(pid: number | undefined, peaks: Map<number, number>): void {
  if (pid === undefined) return;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    peaks.set(pid, Math.max(kib * 1024, peaks.get(pid) ?? 0));
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    for (const child of children) if (child !== '') samplePeaks(Number(child), peaks);
  } catch {
    // It has ended in the meantime: what was noted of it stays.
  }
}
