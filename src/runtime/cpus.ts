import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * How many blocks to compress at the same time: one for each core that this process may use, by affinity and by the
 * cgroup's quota; where there are more than two, one is left free.
 * @param root Where /proc and /sys are found.
 */
export function compressionThreads(root = '/', processors = availableParallelism()): number {
  const cores = Math.max(1, Math.floor(Math.min(processors, quota(root))));
  return cores > 2 ? cores - 1 : cores;
}

/**
 * How large libuv's pool must be (UV_THREADPOOL_SIZE) for so many compressions, so that reads, which share it, do not
 * queue up behind them. libuv looks at the variable when the pool is first used: a program can set it in its first
 * line.
 */
export function poolSize(threads: number): number {
  return Math.max(4, threads + 4);
}

/** Processors' worth of time by the strictest cgroup above this process; Infinity without a limit. */
function quota(root: string): number {
  const lines = text(join(root, 'proc/self/cgroup'))?.split('\n') ?? [];
  const limits = lines.flatMap(line => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const isV2 = controllers === '';
    if (!isV2 && !controllers.split(',').includes('cpu')) return [];
    const limitOf = isV2 ? limitV2 : limitV1;
    return withAncestors(path).map(group => limitOf(join(root, 'sys/fs/cgroup', controllers, group)));
  });
  return Math.min(Infinity, ...limits);
}

/** Inside a container the path may name a group of the host's: its own is then the top of what is mounted. */
function withAncestors(path: string): string[] {
  return path === '/' ? ['/'] : [path, ...withAncestors(dirname(path))];
}

/** `cpu.max` holds "max 100000", or the quota and the period in microseconds. */
function limitV2(group: string): number {
  const [quotaUs, periodUs] = text(join(group, 'cpu.max'))?.split(' ') ?? [];
  return ratio(Number(quotaUs), Number(periodUs));
}

/** A quota of -1 is none. */
function limitV1(group: string): number {
  const quotaUs = Number(text(join(group, 'cpu.cfs_quota_us')));
  const periodUs = Number(text(join(group, 'cpu.cfs_period_us')));
  return ratio(quotaUs, periodUs);
}

function ratio(quotaUs: number, periodUs: number): number {
  return quotaUs > 0 && periodUs > 0 ? quotaUs / periodUs : Infinity;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No such controller here, or no /proc: no limit that could be told.
    return undefined;
  }
}
