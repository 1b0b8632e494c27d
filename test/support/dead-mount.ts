import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { PROGRAMS } from './built.ts';
import { killNow } from './container.ts';

/** A folder whose file system a process answers for, in a mount namespace of the test's own. */
export interface UserMount {
  readonly path: string;
  /** A command that mounts it, and replaces itself by the command that follows. */
  readonly launcher: readonly string[];
  /** Once this returns whoever asks anything of it waits for ever. */
  stopAnswering(): void;
}

/** Not every machine lets a process answer for a file system: a test that needs it is for those that do. */
export const canMountFuse = existsSync('/dev/fuse');

// It must not hold the output of the command open.
const SCRIPT = `"$1" "$2" "$3" </dev/null >/dev/null 2>&1 &
until [ -s "$3.pid" ]; do sleep 0.02; done
shift 3
exec "$@"`;

/** @param path where to mount it; the folder is made */
export function userMount(path: string): UserMount {
  mkdirSync(path, { recursive: true });
  const pid = () => Number(readFileSync(`${path}.pid`, 'utf8'));
  // Whoever waits for it gets an error then.
  onTestFinished(() => {
    if (existsSync(`${path}.pid`)) killNow(pid());
  });
  return {
    path,
    launcher: [
      ...['unshare', '-rm', 'sh', '-c', SCRIPT, 'sh'],
      ...[process.execPath, join(PROGRAMS, 'fuse-folder.mjs'), path],
    ],
    stopAnswering() {
      const inside = ['-t', String(pid()), '-U', '-m', '--preserve-credentials'];
      spawnSync('nsenter', [...inside, 'stat', join(path, 'stop')]);
      while (!isStopped(pid())) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    },
  };
}

function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/status`, 'utf8').includes('State:\tT');
}
