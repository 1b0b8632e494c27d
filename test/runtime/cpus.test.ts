import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { compressionThreads, poolSize } from '../../src/runtime/cpus.ts';
import { temporaryFolder } from '../archive/trees.ts';

/** Threads on a machine of 16 processors with these files in /proc and /sys. */
function threadsWith(files: Record<string, string>, processors = 16): number {
  using root = temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root.path, path)), { recursive: true });
    writeFileSync(join(root.path, path), text);
  }
  return compressionThreads(root.path, processors);
}

test('one core is left free where there are more than two', () => {
  expect(threadsWith({}, 1)).toBe(1);
  expect(threadsWith({}, 2)).toBe(2);
  expect(threadsWith({}, 3)).toBe(2);
  expect(threadsWith({}, 16)).toBe(15);
});

test('a quota of cgroup v2 limits the threads', () => {
  const group = { 'proc/self/cgroup': '0::/\n' };
  expect(threadsWith({ ...group, 'sys/fs/cgroup/cpu.max': '400000 100000\n' })).toBe(3);
  expect(threadsWith({ ...group, 'sys/fs/cgroup/cpu.max': '50000 100000\n' })).toBe(1);
  expect(threadsWith({ ...group, 'sys/fs/cgroup/cpu.max': 'max 100000\n' })).toBe(15);
});

test('the strictest group above the process counts', () => {
  const files = {
    'proc/self/cgroup': '0::/ecs/task/craftassist\n',
    'sys/fs/cgroup/ecs/cpu.max': '200000 100000\n',
    'sys/fs/cgroup/ecs/task/cpu.max': '800000 100000\n',
    'sys/fs/cgroup/ecs/task/craftassist/cpu.max': 'max 100000\n',
  };
  expect(threadsWith(files)).toBe(2);
});

test('a quota of cgroup v1 limits the threads', () => {
  const files = {
    'proc/self/cgroup': '5:cpuset:/\n4:cpu,cpuacct:/docker/0123\n0::/\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
  };
  const quota = 'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us';
  expect(threadsWith({ ...files, [quota]: '250000\n' })).toBe(2);
  expect(threadsWith({ ...files, [quota]: '-1\n' })).toBe(15);
});

test('reads have threads of the pool to themselves', () => {
  expect(poolSize(1)).toBe(5);
  expect(poolSize(15)).toBe(19);
});
