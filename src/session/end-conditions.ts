import { isPortOpen } from '../minecraft/readiness.ts';
import type { Child } from '../process/child.ts';
import { orAborted, rejectWhen, sleep, whenAborted, within } from '../runtime/abort.ts';
import { warnOfEnd } from './announcements.ts';
import type { EndReason } from './end-reason.ts';
import type { RunningProcesses, SessionProcesses, Startup } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';

interface Session {
  readonly runtime: SessionRuntime;
  readonly processes: SessionProcesses;
  readonly startup: Promise<Startup>;
  /** Aborted once one of the conditions holds. */
  readonly over: AbortSignal;
}

/**
 * One way for a session to end: settles with the reason when it holds.
 * @throws for an error of the supervisor's own, and the signal's reason once the session is over
 */
type EndCondition = (session: Session) => Promise<EndReason>;

/** Every way for a session to end; where two hold at once, the first one is the reason. */
const END_CONDITIONS: readonly EndCondition[] = [
  stopRequested,
  internalError,
  maxDuration,
  startupFailed,
  serverExited,
  agentExited,
  idleOrHung,
];

/** The end of a session that was to end before any of its processes was started; undefined: it may begin. */
export function endBeforeStart({ signals }: SessionRuntime): EndReason | undefined {
  const stop = signals.stopRequest();
  if (stop !== undefined) return { kind: 'signal', signal: stop.signal };
  const { aborted, reason: error } = signals.internalError;
  return aborted ? { kind: 'bug', error } : undefined;
}

/** Waits for the first condition that holds. */
export function waitForEnd(session: Session): Promise<EndReason> {
  return Promise.race(END_CONDITIONS.map(condition => condition(session)));
}

async function stopRequested({ runtime: { signals } }: Session): Promise<EndReason> {
  await whenAborted(signals.stopRequested);
  return { kind: 'signal', signal: signals.stopRequest()?.signal ?? 'SIGTERM' };
}

function internalError({ runtime: { signals } }: Session): Promise<EndReason> {
  return rejectWhen(signals.internalError);
}

/** How long before the maximum duration people are warned. */
const WARNINGS_MS = [300_000, 60_000];

async function maxDuration({ runtime, processes, over }: Session): Promise<EndReason> {
  const { maxDurationMs } = runtime.config.limits;
  if (maxDurationMs === undefined) return rejectWhen(over);
  let passedMs = 0;
  for (const beforeMs of WARNINGS_MS.filter(ms => ms < maxDurationMs)) {
    await sleep(maxDurationMs - beforeMs - passedMs, over);
    passedMs = maxDurationMs - beforeMs;
    warnOfEnd(runtime, processes, beforeMs);
  }
  await sleep(maxDurationMs - passedMs, over);
  return { kind: 'max-duration' };
}

async function startupFailed({ startup, over }: Session): Promise<EndReason> {
  const result = await startup;
  return result.state === 'failed' ? result.end : rejectWhen(over);
}

async function serverExited(session: Session): Promise<EndReason> {
  return serverExit((await running(session)).server, session);
}

async function serverExit(server: Child, { runtime: { status } }: Session): Promise<EndReason> {
  const exit = await server.exited;
  return { kind: 'server-exited', exit, ...(status.isStopSent() && { isStopSent: true }) };
}

async function agentExited(session: Session): Promise<EndReason> {
  const { agent, server } = await running(session);
  if (agent === undefined) return rejectWhen(session.over);
  const exit = await agent.exited;
  return (await exitOfItsServer(server, session)) ?? { kind: 'agent-exited', exit };
}

/** Two processes that end together are reaped in any order. */
const REAPED_TOGETHER_MS = 100;

/**
 * A server sends its players away and closes its connections before it exits (Cuberite saves its world in between), so
 * the agent that ends for it may well be gone first. The cause is the server then.
 */
async function exitOfItsServer(server: Child, session: Session): Promise<EndReason | undefined> {
  const { runtime, over } = session;
  const { config, status } = runtime;
  const exit = serverExit(server, session);
  const sooner = await orAborted(within(REAPED_TOGETHER_MS, exit, over), over);
  if (sooner !== undefined) return sooner;
  if (!status.isStopSent() && (await isPortOpen(config.server.address, over))) return undefined;
  return orAborted(within(config.server.stopGraceMs, exit, over), over);
}

async function idleOrHung(session: Session): Promise<EndReason> {
  const { monitor } = await running(session);
  const limit = await monitor.limit;
  if (limit === undefined) return rejectWhen(session.over);
  if (limit !== 'server-hung') return { kind: limit };
  const why = monitor.people().unanswered?.fault ?? 'no answer';
  return { kind: limit, afterMs: session.runtime.config.server.livenessTimeoutMs, why };
}

async function running({ startup, over }: Session): Promise<RunningProcesses> {
  const result = await startup;
  return result.state === 'running' ? result : rejectWhen(over);
}
