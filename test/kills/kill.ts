import { killNow } from '../support/container.ts';
import type { RunningSupervisor } from '../support/session.ts';
import { sessionProcesses } from '../support/session-processes.ts';

/**
 * Kills a supervisor and all that it has started at once, as the end of a container does.
 * @param marker the `NAME=value` in their environment @returns when, in ms since the epoch
 */
export async function killSession(
  session: RunningSupervisor,
  marker: string,
  folder: string,
): Promise<number> {
  const groups = Array.from(
    session.stdout().matchAll(/"event":"process_started","child":"\w+","pid":(\d+)/g),
    ([, pid]) => -Number(pid),
  );
  const killedAtMs = Date.now();
  session.signal('SIGKILL');
  for (const group of groups) killNow(group);
  const remaining = () => sessionProcesses(marker, folder);
  for (let left = await remaining(); left.length > 0; left = await remaining())
    for (const { pid } of left) killNow(pid);
  await session.ended();
  return killedAtMs;
}
