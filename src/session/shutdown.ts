import type { Child } from '../process/child.ts';
import { killLeftovers, type LeftoverProcess } from '../process/leftovers.ts';
import { type StopRecord, type StopStep, stopChild } from '../process/stop.ts';
import { within } from '../runtime/abort.ts';
import type { Log } from '../runtime/log.ts';
import { announceEnd } from './announcements.ts';
import type { EndReason } from './end-reason.ts';
import type { SessionProcesses } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';

export interface ShutdownResult {
  readonly records: ReadonlyMap<Child, StopRecord>;
  readonly leftovers: readonly LeftoverProcess[];
}

/** A server that is stopped at the moment when a player leaves may crash (Cuberite of 2018: 24 of 95 times). */
const SETTLE_AFTER_LEAVE_MS = 250;

/** The SIGKILL has to come while there is still time to see that it worked. */
const SIGKILL_MARGIN_MS = 200;

/** What the children leave of a short deadline to processes that outlive them, for a SIGTERM of their own. */
const LEFTOVERS_MS = 1_000;

/**
 * Tells people that the session ends, stops every child at the same time, then ends whatever has outlived them; after
 * this the session has no process. It never rejects.
 */
export async function shutDown(
  runtime: SessionRuntime,
  processes: SessionProcesses,
  end: EndReason,
): Promise<ShutdownResult> {
  const { config, log, user } = runtime;
  using agentDeadline = runtime.startDeadline('stopProcesses');
  using serverDeadline = runtime.startDeadline('stopServer');
  if (end.kind !== 'server-hung') await announceEnd(runtime, processes, serverDeadline);

  const asked = new Set<number>();
  const stop = async (child: Child) => {
    const isServer = child === processes.server;
    const deadline = isServer ? serverDeadline : agentDeadline;
    const graceMs = () => {
      const leftMs = deadline.leftMs() - SIGKILL_MARGIN_MS;
      const forChildrenMs = leftMs - Math.min(LEFTOVERS_MS, leftMs / 4);
      return Math.min(isServer ? config.server.stopGraceMs : config.stop.graceMs, Math.max(0, forChildrenMs));
    };
    if (child === processes.agent && serverIsGone(end))
      await within(graceMs(), child.exited, deadline.signal);
    const record = await stopChild(child, {
      consoleCommand: isServer ? config.server.stopCommand : undefined,
      settleMs: isServer ? settleMs(processes) : 0,
      graceMs: graceMs(),
      killNow: deadline.signal,
      onStep: (step, afterMs) => logStep(child, step, afterMs, log),
      onAsked: groups => {
        for (const group of groups) asked.add(group);
      },
    });
    logStopped(child, record, log);
    return [child, record] as const;
  };
  const records = await Promise.all(processes.children.map(stop));
  const leftovers = await killLeftovers(processes.marker, processes.children, {
    ...{ user, asked, killNow: serverDeadline.signal },
    graceMs: Math.min(config.stop.graceMs, Math.max(0, serverDeadline.leftMs() - SIGKILL_MARGIN_MS)),
  });
  for (const leftover of leftovers)
    log.warn({ event: 'leftover_killed', ...leftover }, 'leftover process ended');
  return { records: new Map(records), leftovers };
}

/** An agent whose server is gone ends by itself, as a rule. */
function serverIsGone({ kind }: EndReason): boolean {
  return kind === 'server-exited' || kind === 'server-ended-by-plugin';
}

/** How much longer to leave the server alone after the last person has left. */
function settleMs({ monitor }: SessionProcesses): number {
  const people = monitor?.people();
  if (people?.everybodyLeftMs === undefined) return 0;
  return Math.max(0, SETTLE_AFTER_LEAVE_MS - (people.sampledMs - people.everybodyLeftMs));
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
