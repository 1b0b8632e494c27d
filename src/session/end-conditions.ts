import { isPortOpen } from '../minecraft/readiness.ts';
import type { Child } from '../process/child.ts';
import { succeeded } from '../process/exit-status.ts';
import { orAborted, rejectWhen, sleep, whenAborted, within } from '../runtime/abort.ts';
import type { EndReason } from './end-reason.ts';
import type { RunningProcesses, SessionProcesses, Startup } from './processes.ts';
import type { SessionRuntime } from './runtime.ts';
import { broadcast } from './shutdown.ts';

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

const WARNINGS = [
  { beforeMs: 300_000, text: '5 minutes' },
  { beforeMs: 60_000, text: '1 minute' },
];

async function maxDuration({ runtime, processes, over }: Session): Promise<EndReason> {
  const { maxDurationMs } = runtime.config.limits;
  if (maxDurationMs === undefined) return rejectWhen(over);
  let passedMs = 0;
  for (const { beforeMs, text } of WARNINGS.filter(warning => warning.beforeMs < maxDurationMs)) {
    await sleep(maxDurationMs - beforeMs - passedMs, over);
    passedMs = maxDurationMs - beforeMs;
    broadcast(runtime, processes, `This session ends in ${text}.`);
  }
  await sleep(maxDurationMs - passedMs, over);
  return { kind: 'max-duration' };
}

async function startupFailed({ startup, over }: Session): Promise<EndReason> {
  const result = await startup;
  return result.state === 'failed' ? result.end : rejectWhen(over);
}

async function serverExited(session: Session): Promise<EndReason> {
  return serverExit((await running(session)).server);
}

async function serverExit(server: Child): Promise<EndReason> {
  return { kind: 'server-exited', exit: await server.exited };
}

async function agentExited(session: Session): Promise<EndReason> {
  const { agent, server } = await running(session);
  const exit = await agent.exited;
  const cause = succeeded(exit) ? undefined : await exitOfItsServer(server, session);
  return cause ?? { kind: 'agent-exited', exit };
}

/** Two processes that end together are reaped in any order. */
const REAPED_TOGETHER_MS = 100;

/**
 * A server closes its connections before it exits (Cuberite saves its world in between), so the agent that fails
 * for it may well be gone first. The cause is the server then.
 */
async function exitOfItsServer(server: Child, { runtime, over }: Session): Promise<EndReason | undefined> {
  const { config } = runtime;
  const exit = serverExit(server);
  const sooner = await orAborted(within(REAPED_TOGETHER_MS, exit, over), over);
  if (sooner !== undefined || (await isPortOpen(config.server.address, over))) return sooner;
  return orAborted(within(config.stop.graceMs, exit, over), over);
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
