import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const SAMPLE_MS = 50;

/**
 * Watches for files that come up in folders under names that are not expected, and for files on a disk that a process
 * has open and that are deleted already. What lies in shared memory is memory.
 */
export function watchNewFiles(
  pid: number,
  folders: readonly string[],
  expected: RegExp,
): { stop(): string[] } {
  const files = new Set<string>();
  const sample = () => {
    for (const path of openFiles(pid)) {
      const isOnDisk = path.startsWith('/') && !path.startsWith('/dev/shm/');
      if (isOnDisk && path.endsWith('(deleted)')) files.add(path);
    }
    for (const folder of folders)
      for (const name of readdirSync(folder)) if (!expected.test(name)) files.add(join(folder, name));
  };
  const sampler = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(sampler);
      sample();
      return [...files];
    },
  };
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map(handle => readlinkSync(`/proc/${pid}/fd/${handle}`));
  } catch {
    // It has ended, or closed a file since the folder was read.
    return [];
  }
}
