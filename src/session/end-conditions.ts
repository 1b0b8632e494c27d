import { setTimeout } from 'node:timers/promises';
import type { SessionConfig } from '../config/session-config.ts';
import type { PlayerMonitor } from '../minecraft/player-monitor.ts';
import { isPortOpen } from '../minecraft/readiness.ts';
import type { Child } from '../process/child.ts';
import { succeeded } from '../process/exit-status.ts';
import type { EndReason } from './end-reason.ts';

/** Whoever can end a session that is being played. */
export interface Players {
  readonly server: Child;
  readonly agent: Child;
  readonly watch: PlayerMonitor;
}

/**
 * What ends a session from within, whichever comes first: the server, the agent, or the people.
 * @throws the signal's reason when something else has ended it.
 */
export async function waitForEnd(
  config: SessionConfig,
  cast: Players,
  over: AbortSignal,
): Promise<EndReason> {
  return Promise.race([
    serverEnd(cast.server),
    agentEnd(config, cast, over),
    peopleEnd(config, cast.watch, over),
  ]);
}

async function serverEnd(server: Child): Promise<EndReason> {
  return { by: 'server-exited', exit: await server.exited };
}

async function agentEnd(
  config: SessionConfig,
  { agent, server }: Players,
  over: AbortSignal,
): Promise<EndReason> {
  const exit = await agent.exited;
  const cause = succeeded(exit) ? undefined : await endOfItsServer(config, server, over);
  return cause ?? { by: 'agent-exited', exit };
}

/**
 * A server closes its connections before it exits (Cuberite saves its world in between), so the agent that fails
 * for it may well be gone first. The cause is the server then.
 */
async function endOfItsServer(
  { server: { address }, stop }: SessionConfig,
  server: Child,
  over: AbortSignal,
) {
  const exited = serverEnd(server);
  const brief = await Promise.race([exited, setTimeout(JUST_BEHIND_MS, undefined, { signal: over })]);
  if (brief !== undefined || (await isPortOpen(address, over))) return brief;
  return Promise.race([exited, setTimeout(stop.graceMs, undefined, { signal: over })]);
}

/** Two processes that end together are reaped in any order. */
const JUST_BEHIND_MS = 100;

async function peopleEnd(
  { server }: SessionConfig,
  watch: PlayerMonitor,
  over: AbortSignal,
): Promise<EndReason> {
  const limit = await watch.limit;
  if (limit === undefined) throw over.reason;
  return limit === 'server-hung' ? { by: limit, afterMs: server.livenessTimeoutMs } : { by: limit };
}
