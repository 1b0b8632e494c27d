import type Docker from 'dockerode';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import { readIdentity } from '../identity.ts';
import { dashboardAt, type Session, type SessionEnded, type SessionState } from '../launcher.ts';
import { LABELS } from './container.ts';
import { statusOf } from './engine.ts';
import { readStop } from './names.ts';

/** A container that is not started so long after it was created: its manager has died in between. */
const START_LIMIT_MS = 60_000;

/** A container as a session. @param end how it ended; undefined: it has not, or is removed already. */
export function toSession(
  container: Docker.ContainerInfo,
  end: SessionEnded | undefined,
  settings: DockerSettings,
): Session {
  const { Id, Labels } = container;
  return {
    ...readIdentity(label => Labels[label], LABELS),
    where: `container ${Id.slice(0, 12)}`,
    state: end ?? stateOf(container, settings),
    costPerHour: 0,
  };
}

function stateOf(container: Docker.ContainerInfo, settings: DockerSettings): SessionState {
  const { State, Created, Names } = container;
  const stopped = readStop(Names)?.why;
  if (State === 'created') {
    return Date.now() - Created * 1_000 < START_LIMIT_MS
      ? { phase: 'requested' }
      : ended({ why: 'its container was never started', stopped });
  }
  // Ended, and removed before it could be inspected.
  if (State !== 'running' && State !== 'paused' && State !== 'restarting') return ended({ stopped });
  if (stopped !== undefined) return { phase: 'ending', stopped };
  const { gameHost, pingHost, gamePort, dashboardPort } = settings;
  const port = publishedAt(container, gamePort);
  if (port === undefined) return { phase: 'provisioned' };
  return {
    phase: 'running',
    address: { host: gameHost, port },
    pingAddress: { host: pingHost, port },
    dashboard: dashboardAt(publishedAt(container, dashboardPort), gameHost, pingHost),
    sinceMs: Created * 1_000,
  };
}

/** The port of this host for one of a container; undefined: it is not published, or not yet. */
function publishedAt({ Ports }: Docker.ContainerInfo, port: number | undefined): number | undefined {
  return Ports.find(({ PrivatePort, PublicPort }) => PrivatePort === port && PublicPort)?.PublicPort;
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
    return ended({ atMs, why, exitCode: state.ExitCode, stopped: readStop(info.Names)?.why });
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function ended(known: Partial<Omit<SessionEnded, 'phase'>>): SessionEnded {
  return {
    phase: 'ended',
    atMs: known.atMs,
    why: known.why,
    exitCode: known.exitCode,
    stopped: known.stopped,
    lackedCapacity: false,
  };
}
