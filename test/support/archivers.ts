import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
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

/** Tells of each process that this one starts. @returns what ends that */
export function onChild(listener: (child: ChildProcess) => void): () => void {
  const onStart = (message: unknown) => listener((message as { process: ChildProcess }).process);
  subscribe('child_process', onStart);
  return () => void unsubscribe('child_process', onStart);
}
