import type Docker from 'dockerode';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import { orAborted, timeoutSignal } from '../../../runtime/abort.ts';
import { errorText } from '../../../runtime/text.ts';
import {
  type Launcher,
  type LaunchRequest,
  type Session,
  type SessionEnded,
  UncertainLaunchError,
} from '../launcher.ts';
import { containerSpec, type DockerOptions, LABELS, recoverySpec } from './container.ts';
import { isUnanswered, unlessRefused } from './engine.ts';
import { readContainer, toSession } from './session.ts';
import { startContainer } from './starts.ts';
import { createStops } from './stops.ts';

const POLL_INTERVAL_MS = 1_000;
/** How long a launch waits for an engine that does not answer. */
const ANSWER_MS = 60_000;

/**
 * Runs sessions as containers of this host. The state of one is in its labels and in its name, which Docker keeps
 * unique.
 */
export function openDocker(settings: DockerSettings, options: DockerOptions): Launcher {
  const { docker, name } = options;
  const stop = createStops(options);
  /** By container: one that has ended does not change any more, unless somebody starts it again. */
  const ended = new Map<string, SessionEnded>();

  async function launch(request: LaunchRequest): Promise<Session> {
    const { answerMs = ANSWER_MS } = options;
    const abortSignal = timeoutSignal(answerMs);
    try {
      // A response that breaks off ends nothing of dockerode's.
      return await orAborted(findOrStart(request, abortSignal), abortSignal);
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      throw new UncertainLaunchError(`Docker does not answer: ${errorText(error)}`, { cause: error });
    }
  }

  async function findOrStart(request: LaunchRequest, abortSignal: AbortSignal): Promise<Session> {
    const { idempotencyKey: key } = request;
    let container = (await containerOf(key)) ?? (await create(request, abortSignal));
    if (container?.State === 'created') {
      // Whoever has created it may have died, or may not have heard that he did.
      await startContainer(docker.getContainer(container.Id), abortSignal);
      container = await containerOf(key);
    }
    if (container !== undefined) return sessionOf(container);
    throw new UncertainLaunchError(`the container of ${request.name} was removed meanwhile`);
  }

  async function create(request: LaunchRequest, abortSignal: AbortSignal) {
    const spec = { ...containerSpec(request, settings, options), abortSignal };
    // 409: another instance has created the container of this key.
    await unlessRefused(docker.createContainer(spec), 409);
    return containerOf(request.idempotencyKey);
  }

  const sessionOf = async (container: Docker.ContainerInfo): Promise<Session> =>
    toSession(container, await endOf(container), settings);

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
    return Promise.all(containers.map(sessionOf));
  }

  return {
    kind: 'docker',
    pollIntervalMs: () => POLL_INTERVAL_MS,
    launch,
    list,
    look: (_, signal) => list(signal),
    async stop(session, why) {
      const found = await containerOf(session.idempotencyKey);
      if (found !== undefined) await stop(found, why);
    },
    async recover(request) {
      const container = await docker.createContainer(recoverySpec(request, settings, options));
      await startContainer(container);
    },
    async recovery(name) {
      const label = [`${LABELS.manager}=${options.name}`, `${LABELS.recovery}=${name}`];
      const found = await docker.listContainers({ filters: { label } });
      // One that is over has removed itself, with its output: nobody knows then whether there was one.
      return found.length > 0 ? { isRunning: true, uploaded: undefined, words: undefined } : undefined;
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
