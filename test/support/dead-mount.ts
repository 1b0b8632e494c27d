import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROGRAMS } from './built.ts';
import { canMount } from './can-mount.ts';
import { killNow } from './container.ts';
import { eventually } from './eventually.ts';

/** A folder whose file system a process answers for, in a mount namespace of the test's own, until it is disposed of. */
export interface UserMount extends Disposable {
  readonly path: string;
  /** A command that mounts it, and replaces itself by the command that follows. */
  readonly launcher: readonly string[];
  /** Once this has resolved whoever asks anything of it waits for ever. */
  stopAnswering(): Promise<void>;
}

/** Not every machine lets a process answer for a file system: a test that needs it is for those that do. */
export const canMountFuse = existsSync('/dev/fuse') && canMount();

// It is no process of the session's: it must not hold the output of the command open, or have its environment.
const SCRIPT = `env -i PATH="$PATH" "$1" "$2" "$3" </dev/null >/dev/null 2>&1 &
until [ -s "$3.pid" ]; do sleep 0.02; done
shift 3
exec "$@"`;

/** Shows a folder of the machine's at another place: bindfs, a file system in user space that can be written to. */
export const canMirror = canMountFuse && spawnSync('bindfs', ['--version']).status === 0;

const MIRROR = `env -i PATH="$PATH" bindfs -f "$1" "$2" </dev/null >/dev/null 2>&1 &
echo $! >"$2.pid"
until mountpoint -q "$2"; do sleep 0.02; done
shift 2
exec "$@"`;

/** As `userMount`, of a folder that can be written to. @param path where to mount it; the folder is made */
export function mirrorMount(path: string): UserMount {
  for (const folder of [path, `${path}.mirrored`]) mkdirSync(folder, { recursive: true });
  const pid = () => Number(readFileSync(`${path}.pid`, 'utf8'));
  return {
    path,
    launcher: ['unshare', '-rm', 'sh', '-c', MIRROR, 'sh', `${path}.mirrored`, path],
    async stopAnswering() {
      process.kill(pid(), 'SIGSTOP');
      await eventually(() => isStopped(pid()));
    },
    [Symbol.dispose]() {
      if (existsSync(`${path}.pid`)) killNow(pid());
    },
  };
}

/** @param path where to mount it; the folder is made */
export function userMount(path: string): UserMount {
  mkdirSync(path, { recursive: true });
  const pid = () => Number(readFileSync(`${path}.pid`, 'utf8'));
  return {
    path,
    launcher: [
      ...['unshare', '-rm', 'sh', '-c', SCRIPT, 'sh'],
      ...[process.execPath, join(PROGRAMS, 'fuse-folder.mjs'), path],
    ],
    async stopAnswering() {
      const inside = ['-t', String(pid()), '-U', '-m', '--preserve-credentials'];
      // There is no such file, which it says as well.
      await promisify(execFile)('nsenter', [...inside, 'test', '!', '-e', join(path, 'stop')]);
      await eventually(() => isStopped(pid()));
    },
    /** Whoever waits for it gets an error then. */
    [Symbol.dispose]() {
      if (existsSync(`${path}.pid`)) killNow(pid());
    },
  };
}

function isStopped(pid: number): boolean {
  return readFileSync(`/proc/${pid}/status`, 'utf8').includes('State:\tT');
}
