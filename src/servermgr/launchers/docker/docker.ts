import type Docker from 'dockerode';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import {
  type Launcher,
  type LaunchRequest,
  NoRoomError,
  type Session,
  type SessionEnded,
} from '../launcher.ts';
import { containerSpec, type DockerSurroundings, LABELS, recoverySpec } from './container.ts';
import { readContainer, toSession } from './session.ts';

const PACE_MS = 1_000;

/**
 * Plays sessions as containers of this host. All that is known of one lies in its labels, and in its name: the press,
 * which can be given only once, and behind a dot why it was stopped.
 */
export function openDocker(settings: DockerSettings, surroundings: DockerSurroundings): Launcher {
  const { docker, name } = surroundings;
  /** What Docker tells of a container that has ended does not change any more. */
  const ended = new Map<string, SessionEnded>();

  async function launch(request: LaunchRequest): Promise<Session> {
    const known = await ofPress(request.press);
    if (known !== undefined) return known;
    try {
      const container = await docker.createContainer(containerSpec(request, settings, surroundings));
      await start(container);
    } catch (error) {
      // Another instance was quicker with the same press.
      if (statusOf(error) !== 409) throw error;
    }
    const started = await ofPress(request.press);
    if (started === undefined) throw new Error(`the container of ${request.name} is not there`);
    return started;
  }

  async function start(container: Docker.Container): Promise<void> {
    try {
      await container.start();
    } catch (error) {
      await container.remove({ force: true });
      if (/port is already allocated|all ports are allocated/i.test(String(error))) {
        throw new NoRoomError('no port is left on this machine: widen SERVERMGR_PORTS', { cause: error });
      }
      throw error;
    }
  }

  async function ofPress(press: string): Promise<Session | undefined> {
    const [found] = await containersWith([`${LABELS.press}=${press}`]);
    return found === undefined ? undefined : toSession(found, await endOf(found), settings);
  }

  function containersWith(labels: readonly string[], abortSignal?: AbortSignal) {
    const label = [`${LABELS.manager}=${name}`, LABELS.session, ...labels];
    return docker.listContainers({ all: true, filters: { label }, ...(abortSignal && { abortSignal }) });
  }

  async function endOf(container: Docker.ContainerInfo): Promise<SessionEnded | undefined> {
    const { Id: id, State: state } = container;
    if (!['exited', 'dead', 'removing'].includes(state)) return undefined;
    const known = ended.get(id);
    if (known !== undefined) return known;
    const end = await readContainer(docker.getContainer(id), container);
    if (end !== undefined) ended.set(id, end);
    return end;
  }

  async function find({ press }: Session): Promise<Docker.ContainerInfo | undefined> {
    return (await containersWith([`${LABELS.press}=${press}`]))[0];
  }

  return {
    kind: 'docker',
    paceMs: PACE_MS,
    launch,
    async list(signal) {
      const containers = await containersWith([], signal);
      const ids = new Set(containers.map(({ Id }) => Id));
      for (const id of ended.keys()) if (!ids.has(id)) ended.delete(id);
      return Promise.all(
        containers.map(async container => toSession(container, await endOf(container), settings)),
      );
    },
    async stop(session, why) {
      const found = await find(session);
      if (found?.State !== 'running' || found.Names.some(each => each.includes('.'))) return;
      const container = docker.getContainer(found.Id);
      try {
        // To the supervisor a second SIGTERM means to give everything up: only who renames it sends one.
        await container.rename({ name: `${name}-${session.press}.${why}` });
        // Not Docker's own stop: that kills after a while, and an archive takes as long as it takes.
        await container.kill({ signal: 'SIGTERM' });
      } catch (error) {
        // It has ended, or another instance was quicker.
        if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
      }
    },
    async recover(request) {
      const container = await docker.createContainer(recoverySpec(request, settings, surroundings));
      await start(container);
    },
    async forget(session) {
      const found = await find(session);
      if (found !== undefined && found.State !== 'running') {
        await docker.getContainer(found.Id).remove({ v: true });
      }
    },
    close() {
      // Docker is asked over one connection a request: nothing is open.
    },
  };
}

function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
