import type Docker from 'dockerode';
import { NoCapacityError } from '../launcher.ts';
import { statusOf, unlessRefused } from './engine.ts';

const NO_PORT = /port is already allocated|all ports are allocated/i;

/**
 * Starts a container that was created, and removes one that cannot be started. Several may do it at once: whatever one
 * of them has started, or removed, is left as it is.
 * @throws {NoCapacityError} when no port is left for it.
 */
export async function startContainer(container: Docker.Container, abortSignal?: AbortSignal): Promise<void> {
  try {
    await container.start({ ...(abortSignal && { abortSignal }) });
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    const isStarted = status === 304;
    if (isStarted || !(await tryRemove(container))) return;
    if (NO_PORT.test(String(error)))
      throw new NoCapacityError('no port is left on this machine: widen SERVERMGR_PORTS', { cause: error });
    throw error;
  }
}

/** Not by force: another instance may have started it meanwhile. @returns whether this call has removed it */
async function tryRemove(container: Docker.Container): Promise<boolean> {
  const removal = container.remove({ v: true }).then(() => true);
  return (await unlessRefused(removal, 404, 409)) ?? false;
}
