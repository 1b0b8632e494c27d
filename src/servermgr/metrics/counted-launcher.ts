import { type Launcher, NoCapacityError } from '../launchers/launcher.ts';
import type { Counters } from './counters.ts';

/** A launcher whose faults are counted. */
export function countedLauncher(
  launcher: Launcher,
  { launcherFault }: Pick<Counters, 'launcherFault'>,
): Launcher {
  async function counted<T>(operation: string, work: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work;
    } catch (error) {
      // When the manager closes it ends what it has asked for; what took too long is a fault.
      const isEnded = signal?.aborted === true && signal.reason?.name !== 'TimeoutError';
      if (!isEnded && !(error instanceof NoCapacityError)) launcherFault(operation);
      throw error;
    }
  }

  return {
    kind: launcher.kind,
    pollIntervalMs: sessions => launcher.pollIntervalMs(sessions),
    launch: request => counted('launch', launcher.launch(request)),
    list: signal => counted('list', launcher.list(signal), signal),
    look: (sessions, signal) => counted('look', launcher.look(sessions, signal), signal),
    stop: (session, why) => counted('stop', launcher.stop(session, why)),
    recover: request => counted('recover', launcher.recover(request)),
    recovery: name => counted('recovery', launcher.recovery(name)),
    remove: session => counted('remove', launcher.remove(session)),
    close: () => launcher.close(),
  };
}
