import { environmentOf, listProcesses, type Process } from '../../src/process/procfs.ts';
import { standsIn } from '../support/container.ts';

/**
 * The living processes of one session, and of no other: who was given its mark in the environment, or
 * stands in its folder.
 */
export async function leftovers(mark: string, folder: string): Promise<readonly Process[]> {
  const processes = listProcesses() ?? [];
  const isLeft = await Promise.all(
    processes.map(async ({ pid }) => {
      if (pid === process.pid) return false;
      return standsIn(pid, folder) || (await environmentOf(pid)).includes(mark);
    }),
  );
  return processes.filter((_, index) => isLeft[index]);
}
