import { setImmediate } from 'node:timers/promises';

/** Lets other work in now and then. */
export type Pace = () => Promise<void> | undefined;

const TURN_MS = 10;

/**
 * The journal calls the file system synchronously: an lstat or a read from the page cache takes 1 to 3 µs, its way
 * through libuv's pool 40 µs, in a pool that is compressing. So that nobody waits long for the event loop, the pace is
 * asked between calls and gives the loop a turn after every 10 ms.
 */
export function createPace(): Pace {
  let turnEndMs = performance.now() + TURN_MS;
  return () => {
    if (performance.now() < turnEndMs) return undefined;
    return setImmediate().then(() => {
      turnEndMs = performance.now() + TURN_MS;
    });
  };
}
