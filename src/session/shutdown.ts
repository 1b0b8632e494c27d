import { setTimeout } from 'node:timers/promises';
import type { Child } from '../process/child.ts';
import { killLeftovers, type LeftoverProcess } from '../process/leftovers.ts';
import { type StopRecord, type StopStep, stopChild } from '../process/stop.ts';
import { startDeadline } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { EndReason } from './end-reason.ts';
import type { Stage } from './runtime.ts';

export interface ShutdownResult {
  readonly records: ReadonlyMap<Child, StopRecord>;
  readonly survivors: readonly LeftoverProcess[];
}

/** The stop ladder gets a quarter of what a stop request leaves; the archive gets the rest. */
const PROCESS_STOP_SHARE = 0.25;

/** A server that is stopped at the moment when a player leaves may crash (Cuberite of 2018: 24 of 95 times). */
const SETTLE_AFTER_LEAVE_MS = 250;

/** Stops every child at the same time, then whoever has outlived them; after this the session has no process. */
export async function shutDown(stage: Stage, end: EndReason): Promise<ShutdownResult> {
  const { config, tools, children } = stage;
  const { graceMs, timeoutMs } = config.stop;
  using ladder = startDeadline(tools.signals, {
    // Ample when nothing presses: two graces, the agent's own and its ladder's.
    defaultMs: 4 * graceMs + 10_000,
    stopTimeoutMs: timeoutMs,
    shutdownShare: PROCESS_STOP_SHARE,
  });
  // The SIGKILL has to come while there is still time to see that it worked.
  const withinMs = () => Math.min(graceMs, Math.max(0, ladder.leftMs() - 200));

  const records = await Promise.all(
    children.map(async child => {
      if (child === stage.agent && serverIsGone(end)) await waitForOwnExit(child, withinMs(), ladder.signal);
      if (child === stage.server && end.by !== 'server-hung') announceEnd(stage);
      const record = await stopChild(child, {
        consoleCommand: child === stage.server ? config.server.stopCommand : undefined,
        settleMs: child === stage.server ? quietMs(stage) : 0,
        graceMs: withinMs(),
        killNow: ladder.signal,
        onStep: (step, afterMs) => logStep(child, step, afterMs, tools.log),
      });
      logStopped(child, record, tools.log);
      return [child, record] as const;
    }),
  );
  const survivors = await killLeftovers(stage.marker, children, { user: tools.user });
  for (const survivor of survivors)
    tools.log.warn({ event: 'leftover_killed', ...survivor }, 'leftover process killed');
  return { records: new Map(records), survivors };
}

function logStep({ name: child }: Child, step: StopStep, afterMs: number, log: Log): void {
  const fields = { event: 'stop_step', child, step, afterMs: Math.round(afterMs) } as const;
  const after = `after ${(afterMs / 1_000).toFixed(1)} s`;
  if (step === 'console') log.info(fields, `console command sent to ${child}`);
  else if (step === 'SIGTERM') log.info(fields, `SIGTERM sent to ${child} ${after}`);
  else log.warn(fields, `SIGKILL sent to ${child} ${after}`);
}

function logStopped({ name: child }: Child, { steps, exit, ms }: StopRecord, log: Log): void {
  const fields = { event: 'process_stopped', child, steps, afterMs: Math.round(ms) } as const;
  if (exit === undefined) log.error(fields, `${child} is still alive after SIGKILL`);
  else log.info(fields, `${child} stopped`);
}

function serverIsGone({ by }: EndReason): boolean {
  return by === 'server-exited' || by === 'server-ended-by-plugin';
}

/** An agent whose server is gone ends by itself, as a rule. */
async function waitForOwnExit(child: Child, withinMs: number, signal: AbortSignal): Promise<void> {
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
  return Math.max(0, SETTLE_AFTER_LEAVE_MS - (people.sampledMs - people.everybodyLeftMs));
}

function announceEnd(stage: Stage): void {
  const people = stage.players?.people().now ?? 0;
  if (people > 0) broadcast(stage, 'This session ends now. Goodbye, and thank you!');
}

/**
 * Says something to the people in the game, where the server takes console commands. Lines go out in order, and
 * nobody waits for a server that does not read them.
 */
export function broadcast({ config, server }: Stage, text: string): void {
  if (config.server.stopCommand !== undefined) void server?.sendCommand(`say ${text}`);
}
