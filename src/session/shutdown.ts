import { setTimeout } from 'node:timers/promises';
import type { Child } from '../process/child.ts';
import { killSurvivors, type Survivor } from '../process/leftovers.ts';
import { type StopRecord, stopChild } from '../process/stop.ts';
import { limitTime } from '../runtime/signals.ts';
import type { End } from './end-reason.ts';
import type { Stage } from './runtime.ts';

export interface Stopped {
  readonly records: ReadonlyMap<Child, StopRecord>;
  readonly survivors: readonly Survivor[];
}

/** The stop ladder gets a quarter of what a stop request leaves; the archive gets the rest. */
const LADDER_SHARE = 0.25;

/** A server that is stopped at the moment when a player leaves may crash (Cuberite of 2018: 24 of 95 times). */
const QUIET_MS = 250;

/** Stops every child at the same time, then whoever has outlived them; after this the session has no process. */
export async function stopEverything(stage: Stage, end: End): Promise<Stopped> {
  const { config, tools, children } = stage;
  const { graceMs, timeoutMs } = config.stop;
  using ladder = limitTime(tools.stops, {
    // Ample when nothing presses: two graces, the agent's own and its ladder's.
    normallyMs: 4 * graceMs + 10_000,
    stopTimeoutMs: timeoutMs,
    share: LADDER_SHARE,
  });
  // The SIGKILL has to come while there is still time to see that it worked.
  const withinMs = () => Math.min(graceMs, Math.max(0, ladder.leftMs() - 200));

  const records = await Promise.all(
    children.map(async child => {
      if (child === stage.agent && hasLostItsServer(end)) await ownEnd(child, withinMs(), ladder.signal);
      if (child === stage.server && end.by !== 'server-hung') sayGoodbye(stage);
      const record = await stopChild(child, {
        consoleCommand: child === stage.server ? config.server.stopCommand : undefined,
        quietMs: child === stage.server ? quietMs(stage) : 0,
        graceMs: withinMs(),
        killNow: ladder.signal,
      });
      tools.log.debug({ child: child.name, steps: record.steps }, 'child stopped');
      return [child, record] as const;
    }),
  );
  const survivors = await killSurvivors(stage.cookie, children, { user: tools.user });
  for (const survivor of survivors) tools.log.warn(survivor, 'a process outlived its session and was killed');
  return { records: new Map(records), survivors };
}

function hasLostItsServer({ by }: End): boolean {
  return by === 'server-exited' || by === 'server-ended-by-plugin';
}

/** An agent whose server is gone ends by itself, as a rule. */
async function ownEnd(child: Child, withinMs: number, signal: AbortSignal): Promise<void> {
  const cancel = new AbortController();
  const timeout = setTimeout(withinMs, undefined, { signal: AbortSignal.any([signal, cancel.signal]) }).catch(
    // Cut short by a stop request that presses: the ladder goes on at once.
    () => undefined,
  );
  await Promise.race([child.exited, timeout]);
  cancel.abort();
}

/** How much longer to leave the server alone after the last person has left. */
function quietMs({ players }: Stage): number {
  const people = players?.people();
  if (people?.everybodyLeftMs === undefined) return 0;
  return Math.max(0, QUIET_MS - (people.lookedMs - people.everybodyLeftMs));
}

function sayGoodbye(stage: Stage): void {
  const people = stage.players?.people().now ?? 0;
  if (people > 0) announce(stage, 'This session ends now. Goodbye, and thank you!');
}

/**
 * Says something to the people in the game, where the server takes console commands. Lines go out in order, and
 * nobody waits for a server that does not read them.
 */
export function announce({ config, server }: Stage, text: string): void {
  if (config.server.stopCommand !== undefined) void server?.say(`say ${text}`);
}
