import type { Agent, SessionSettings, World } from '../../config/servermgr-config.ts';
import type { LaunchRequest } from '../launchers/launcher.ts';

/** What one session is asked for with, beside its world. It is kept: a launch is repeated by any instance. */
export interface SessionOrder {
  /** SESSION_… variables of its own, which count before all others. */
  readonly env: Readonly<Record<string, string>>;
  /** The id of one of SERVERMGR_AGENTS; undefined: the one that all sessions have. */
  readonly agent: string | undefined;
}

/** What sessions are made of, as servermgr is configured. */
export interface Choices {
  readonly session: Pick<SessionSettings, 'env'>;
  readonly worlds: readonly World[];
  readonly agents: readonly Agent[];
}

/**
 * What a session is launched with, in that world.
 * @throws when its agent is not known any more: with another one it would be another session
 */
export function launchedWith(
  worldId: string,
  ordered: SessionOrder | undefined,
  { session, worlds, agents }: Choices,
): Pick<LaunchRequest, 'env' | 'image'> {
  const world = worlds.find(({ id }) => id === worldId);
  const agent = agents.find(({ id }) => id === ordered?.agent);
  if (ordered?.agent !== undefined && agent === undefined)
    throw new Error(`its agent "${ordered.agent}" is not in SERVERMGR_AGENTS any more`);
  return { env: { ...session.env, ...world?.env, ...agent?.env, ...ordered?.env }, image: agent?.image };
}

/** How long a session may last that was asked for with that. */
export function maxDurationMs(
  ordered: SessionOrder | undefined,
  settings: Pick<SessionSettings, 'maxDurationMs'>,
): number {
  const seconds = /^(\d+)s$/.exec(ordered?.env.SESSION_MAX_DURATION ?? '')?.[1];
  return seconds === undefined ? settings.maxDurationMs : Number(seconds) * 1_000;
}
