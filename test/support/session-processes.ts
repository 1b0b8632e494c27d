import { environmentOf, listProcesses, type Process } from '../../src/process/procfs.ts';
import { standsIn } from './container.ts';

/**
 * The living processes of one session, and of no other: those that have its marker (`NAME=value`) in their environment,
 * or their working directory below its folder.
 */
export async function sessionProcesses(marker: string, folder: string): Promise<readonly Process[]> {
  const processes = listProcesses() ?? [];
  const isOfSession = await Promise.all(
    processes.map(async ({ pid }) => {
      if (pid === process.pid) return false;
      return standsIn(pid, folder) || (await environmentOf(pid)).includes(marker);
    }),
  );
  return processes.filter((_, index) => isOfSession[index]);
}
