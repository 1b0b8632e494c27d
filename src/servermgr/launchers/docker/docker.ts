import type Docker from 'dockerode';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import {
  type Launcher,
  type LaunchRequest,
  NoCapacityError,
  type Session,
  type SessionEnded,
} from '../launcher.ts';
import { containerSpec, type DockerOptions, LABELS, recoverySpec } from './container.ts';
import { readContainer, toSession } from './session.ts';

const POLL_INTERVAL_MS = 1_000;

/**
 * Runs sessions as containers of this host. The state of one is in its labels and in its name, which Docker keeps
 * unique: `<manager>-<idempotency key>`, and after a stop `.<reason>` behind it.
 */
export function openDocker(settings: DockerSettings, options: DockerOptions): Launcher {
  const { docker, name } = options;
  /** By container: one that has ended does not change any more, unless somebody starts it again. */
  const ended = new Map<string, SessionEnded>();

  async function launch(request: LaunchRequest): Promise<Session> {
    const known = await findByKey(request.idempotencyKey);
    if (known !== undefined) return known;
    try {
      const container = await docker.createContainer(containerSpec(request, settings, options));
      await start(container);
    } catch (error) {
      // Another instance has created the container of this key.
      if (statusOf(error) !== 409) throw error;
    }
    const started = await findByKey(request.idempotencyKey);
    if (started === undefined) throw new Error(`the container of ${request.name} is missing`);
    return started;
  }

  async function start(container: Docker.Container): Promise<void> {
    try {
      await container.start();
    } catch (error) {
      await container.remove({ force: true });
      if (/port is already allocated|all ports are allocated/i.test(String(error))) {
        throw new NoCapacityError('no port is left on this machine: widen SERVERMGR_PORTS', { cause: error });
      }
      throw error;
    }
  }

  async function findByKey(key: string): Promise<Session | undefined> {
    const found = await containerOf(key);
    return found === undefined ? undefined : toSession(found, await endOf(found), settings);
  }

  function containersWith(labels: readonly string[], abortSignal?: AbortSignal) {
    const label = [`${LABELS.manager}=${name}`, LABELS.id, ...labels];
    return docker.listContainers({ all: true, filters: { label }, ...(abortSignal && { abortSignal }) });
  }

  async function endOf(container: Docker.ContainerInfo): Promise<SessionEnded | undefined> {
    const { Id: id, State: state } = container;
    if (!['exited', 'dead', 'removing'].includes(state)) {
      ended.delete(id);
      return undefined;
    }
    const known = ended.get(id);
    if (known !== undefined) return known;
    const end = await readContainer(docker.getContainer(id), container);
    if (end !== undefined) ended.set(id, end);
    return end;
  }

  async function containerOf(key: string): Promise<Docker.ContainerInfo | undefined> {
    const [found] = await containersWith([`${LABELS.idempotencyKey}=${key}`]);
    return found;
  }

  async function list(signal: AbortSignal): Promise<readonly Session[]> {
    const containers = await containersWith([], signal);
    const ids = new Set(containers.map(({ Id }) => Id));
    for (const id of ended.keys()) if (!ids.has(id)) ended.delete(id);
    return Promise.all(
      containers.map(async container => toSession(container, await endOf(container), settings)),
    );
  }

  return {
    kind: 'docker',
    pollIntervalMs: () => POLL_INTERVAL_MS,
    launch,
    list,
    look: (_, signal) => list(signal),
    async stop(session, why) {
      const found = await containerOf(session.idempotencyKey);
      if (found?.State !== 'running' || found.Names.some(each => each.includes('.'))) return;
      const container = docker.getContainer(found.Id);
      try {
        // A second SIGTERM makes the supervisor abort without saving: only the caller that renames it sends one.
        await container.rename({ name: `${name}-${session.idempotencyKey}.${why}` });
        // Not `docker stop`: that sends SIGKILL after its timeout, and saving may take longer.
        await container.kill({ signal: 'SIGTERM' });
      } catch (error) {
        // It has ended, or another instance is stopping it.
        if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
      }
    },
    async recover(request) {
      const container = await docker.createContainer(recoverySpec(request, settings, options));
      await start(container);
    },
    async remove(session) {
      const found = await containerOf(session.idempotencyKey);
      if (found !== undefined && found.State !== 'running') {
        await docker.getContainer(found.Id).remove({ v: true });
      }
    },
    close() {
      // dockerode opens a connection for each request: none is open.
    },
  };
}

function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
