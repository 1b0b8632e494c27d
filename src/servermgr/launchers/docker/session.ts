import type Docker from 'dockerode';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import { askedAtMs } from '../../session-id.ts';
import {
  type Session,
  type SessionEnded,
  type SessionState,
  STOP_REASONS,
  type StopReason,
} from '../launcher.ts';
import { LABELS } from './container.ts';

/** A container that was made and not started after so long never will be: its maker died in between. */
const START_LIMIT_MS = 60_000;

/** A container as a session; `end` is what there is to tell when it is over. */
export function toSession(
  container: Docker.ContainerInfo,
  end: SessionEnded | undefined,
  settings: DockerSettings,
): Session {
  const { Id, Labels } = container;
  const label = (name: string) => Labels[name] ?? '';
  return {
    id: label(LABELS.session),
    press: label(LABELS.press),
    visitor: label(LABELS.visitor),
    world: label(LABELS.world),
    attempt: Number(label(LABELS.attempt)) || 1,
    where: `container ${Id.slice(0, 12)}`,
    state: end ?? stateOf(container, settings),
    costPerHour: 0,
  };
}

function stateOf(container: Docker.ContainerInfo, { gameHost, pingHost }: DockerSettings): SessionState {
  const { State, Ports, Created, Labels } = container;
  const stopped = stopReason(container);
  if (State === 'created') {
    const ageMs = Date.now() - (askedAtMs(Labels[LABELS.session] ?? '') ?? 0);
    return ageMs < START_LIMIT_MS
      ? { phase: 'asked' }
      : over({ why: 'its container was never started', stopped });
  }
  // Ended, and gone before it could be looked at.
  if (State !== 'running' && State !== 'paused' && State !== 'restarting') return over({ stopped });
  if (stopped !== undefined) return { phase: 'ending', stopped };
  const port = Ports.find(({ PrivatePort, PublicPort }) => PrivatePort === 25_565 && PublicPort)?.PublicPort;
  if (port === undefined) return { phase: 'provisioned' };
  return {
    phase: 'running',
    address: { host: gameHost, port },
    pingAddress: { host: pingHost, port },
    sinceMs: Created * 1_000,
  };
}

/** How a container ended; undefined: it has been removed meanwhile. */
export async function readContainer(
  container: Docker.Container,
  info: Docker.ContainerInfo,
): Promise<SessionEnded | undefined> {
  try {
    const { State: state } = await container.inspect();
    const why = state.OOMKilled ? 'it ran out of memory' : state.Error || undefined;
    const atMs = Date.parse(state.FinishedAt);
    return over({ atMs, why, exitCode: state.ExitCode, stopped: stopReason(info) });
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return undefined;
    throw error;
  }
}

function over(known: Partial<Omit<SessionEnded, 'phase'>>): SessionEnded {
  return {
    phase: 'ended',
    atMs: known.atMs,
    why: known.why,
    exitCode: known.exitCode,
    stopped: known.stopped,
    lackedCapacity: false,
  };
}

/** Labels cannot be changed; names can: `/servermgr-<press>.<reason>`. */
function stopReason({ Names }: Docker.ContainerInfo): StopReason | undefined {
  return STOP_REASONS.find(reason => Names.some(name => name.endsWith(`.${reason}`)));
}
