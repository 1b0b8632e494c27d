import type Docker from 'dockerode';
import { REPEATABLE_STOP } from '../../../runtime/signals.ts';
import { HANG_MARGIN_MS, USUAL_STOP_TIMEOUT_MS } from '../hang.ts';
import type { StopReason } from '../launcher.ts';
import { type DockerOptions, LABELS } from './container.ts';
import { unlessRefused } from './engine.ts';
import { type RequestedStop, readStop, stoppedName } from './names.ts';

/** @returns what takes one container a step further towards its end, each time that it is called */
export function createStops({ docker, hangMarginMs = HANG_MARGIN_MS }: DockerOptions) {
  /** By container: when this instance has first seen a stop of an unknown time. */
  const seenMs = new Map<string, number>();

  /**
   * A second SIGTERM makes the supervisor abort without saving: only the caller whose renaming comes first sends one.
   * If it dies before it does, the repeated request is the first.
   */
  async function ask(found: Docker.ContainerInfo, why: StopReason): Promise<void> {
    const name = found.Names[0]?.slice(1) ?? found.Id;
    // By its name, which whoever comes later does not find any more.
    const container = docker.getContainer(name);
    await container.rename({ name: stoppedName(name, why, Date.now()) });
    // Not `docker stop`: that sends SIGKILL after its timeout, and saving may take longer.
    await send(found, 'SIGTERM');
  }

  async function send({ Id }: Docker.ContainerInfo, signal: NodeJS.Signals): Promise<void> {
    await docker.getContainer(Id).kill({ signal });
  }

  function isHung({ Id, Labels }: Docker.ContainerInfo, { atMs }: RequestedStop): boolean {
    const nowMs = Date.now();
    const askedMs = atMs ?? seenMs.get(Id) ?? nowMs;
    if (atMs === undefined) seenMs.set(Id, askedMs);
    const timeoutMs = Number(Labels[LABELS.stopTimeout]) || USUAL_STOP_TIMEOUT_MS;
    return nowMs - askedMs >= timeoutMs + hangMarginMs;
  }

  return async (container: Docker.ContainerInfo, why: StopReason): Promise<void> => {
    if (!['running', 'paused'].includes(container.State)) return;
    const asked = readStop(container.Names);
    const step =
      asked === undefined
        ? ask(container, why)
        : send(container, isHung(container, asked) ? 'SIGKILL' : REPEATABLE_STOP);
    // It has ended, or another instance has stopped it.
    await unlessRefused(step, 404, 409);
  };
}
