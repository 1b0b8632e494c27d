import { readdirSync, readFileSync } from 'node:fs';

/** The archivers that a process has started. */
export function archivers(parent = process.pid): number[] {
  return readdirSync(`/proc/${parent}/task`)
    .flatMap(thread => readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8').trim().split(' '))
    .filter(pid => pid !== '')
    .map(Number)
    .filter(pid => commandLine(pid).includes('\0archiver\0'));
}

/** @returns empty: it is gone */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
