import { readlinkSync } from 'node:fs';
import { listProcesses, type Process, userIdsOf } from '../../src/process/procfs.ts';
import { eventually } from './eventually.ts';

/** Kills everybody who stands in a folder, as the end of a container does. @returns when nobody is left */
export async function killAllIn(folder: string): Promise<void> {
  await killAll(({ pid }) => standsIn(pid, folder));
}

/** Kills everybody who runs as a user. @returns when nobody is left */
export async function killAllOf(uid: number): Promise<void> {
  await killAll(async ({ pid }) => (await userIdsOf(pid)).includes(uid));
}

async function killAll(isMeant: (process: Process) => boolean | Promise<boolean>): Promise<void> {
  await eventually(async () => {
    const all = listProcesses() ?? [];
    const meant = await Promise.all(all.map(isMeant));
    const left = all.filter((_, index) => meant[index]);
    for (const { pid } of left) killNow(pid);
    return left.length === 0;
  });
}

/** Whether a process's working directory is this folder, or lies in it. */
export function standsIn(pid: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
  } catch {
    // It has ended meanwhile, or belongs to the kernel.
    return false;
  }
}

/** Sends SIGKILL to a process, or with a negative number to a group, that may have ended by itself. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
