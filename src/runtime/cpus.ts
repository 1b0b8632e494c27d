import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * How many blocks to compress at the same time: one for each core that this process may use by its affinity and by the
 * quota of its cgroup; of more than two, one is left free.
 * @param root the folder that holds `proc` and `sys`
 */
export function compressionThreads(root = '/', processors = availableParallelism()): number {
  const cores = Math.max(1, Math.floor(Math.min(processors, quota(root))));
  return cores > 2 ? cores - 1 : cores;
}

/**
 * The size of libuv's thread pool (UV_THREADPOOL_SIZE) for so many compressions, so that file reads, which share the
 * pool, do not wait for them. libuv reads the variable when the pool is first used: a program can set it at its start.
 */
export function poolSize(threads: number): number {
  return Math.max(4, threads + 4);
}

/** The strictest quota, in CPUs, of this process's cgroup and the groups above it; Infinity without a limit. */
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

/** Inside a container the path may be the host's: the container's own group is then the top of what is mounted. */
function withAncestors(path: string): string[] {
  return path === '/' ? ['/'] : [path, ...withAncestors(dirname(path))];
}

/** `cpu.max` (cgroup v2) is `max 100000`, or quota and period in microseconds. */
function limitV2(group: string): number {
  const [quotaUs, periodUs] = text(join(group, 'cpu.max'))?.split(' ') ?? [];
  return ratio(Number(quotaUs), Number(periodUs));
}

/** In cgroup v1 a quota of -1 means no limit. */
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
    // There is no such controller, or no /proc: no limit is known.
    return undefined;
  }
}
