import type { PlayerMonitor } from '../minecraft/player-monitor.ts';
import type { Child } from '../process/child.ts';
import { pause } from '../runtime/abort.ts';

export interface WorldSaving {
  readonly server: Pick<Child, 'sendCommand'>;
  readonly monitor: Pick<PlayerMonitor, 'online'>;
  readonly command: string;
  readonly intervalMs: number;
}

/** How often is looked who is in the game. */
const LOOK_MS = 1_000;

/**
 * Has the server save its world, by a console command, again and again while somebody is in the game, and once more
 * when they have left.
 * @param over aborted when the session has ended
 */
export async function saveWorldRepeatedly(
  { server, monitor, command, intervalMs }: WorldSaving,
  over: AbortSignal,
): Promise<void> {
  const lookMs = Math.min(LOOK_MS, intervalMs);
  let savedAtMs = performance.now();
  let isToSave = false;
  while (!over.aborted) {
    await pause(lookMs, over);
    // Where that is not told, there may be somebody.
    isToSave ||= monitor.online() !== 0;
    if (over.aborted || !isToSave || performance.now() - savedAtMs < intervalMs) continue;
    savedAtMs = performance.now();
    isToSave = false;
    void server.sendCommand(command);
  }
}
