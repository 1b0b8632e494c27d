import { connect } from 'node:net';
import type { Address } from '../config/session-config.ts';
import { sleep, timeoutSignal } from '../runtime/abort.ts';
import { errorMessage } from '../runtime/text.ts';
import { ping, resetIfConnectedToItself, type ServerStatus } from './ping.ts';

export interface ReadyOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called after each ping that has failed, as the first ones usually do. */
  readonly onFailedTry?: (error: unknown) => void;
}

/** A server that did not become ready. */
export interface NeverReady {
  /** Why the last ping has failed. */
  readonly fault: string;
}

/**
 * Pings a server that has just been started until it answers. Time in which this process did not run does not count:
 * on a machine that busy, or was halted, the server did not run either.
 * @returns its first answer, or why there was none within `timeoutMs`
 * @throws the signal's reason when aborted
 */
export async function waitUntilReady(
  address: Address,
  { timeoutMs, signal, onFailedTry }: ReadyOptions,
): Promise<ServerStatus | NeverReady> {
  let fault = 'it was never asked';
  for (let waitedMs = 0; waitedMs < timeoutMs; ) {
    const limitMs = tryTimeoutMs(waitedMs, timeoutMs - waitedMs);
    const startMs = performance.now();
    try {
      return await ping(address, { timeoutMs: limitMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      fault = errorMessage(error);
      waitedMs += Math.min(performance.now() - startMs, limitMs);
      onFailedTry?.(error);
    }
    const pause = pauseMs(waitedMs);
    await sleep(pause, signal);
    waitedMs += pause;
  }
  return { fault };
}

// A connection that is accepted too early may never be answered: waiting for it must not cost much at first. A server
// that is slow to answer must be given the time later, and the last try must not be shorter than those before.
function tryTimeoutMs(waitedMs: number, leftMs: number): number {
  const usualMs = Math.min(Math.max(1_000, waitedMs / 2), 5_000);
  return leftMs < 2 * usualMs ? leftMs : usualMs;
}

function pauseMs(waitedMs: number): number {
  return Math.min(50 + waitedMs / 50, 250);
}

const CONNECT_TIMEOUT_MS = 1_000;

/**
 * Whether something accepts TCP connections at an address, within a second.
 *
 * Tried by connecting, not by binding: nothing can be bound at the address of another machine, what listens on another
 * interface does not matter, `localhost` stands for two addresses, and Cuberite may bind while connections of an
 * earlier server are in TIME_WAIT.
 * @throws the signal's reason when aborted
 */
export async function isPortOpen({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const timeout = timeoutSignal(CONNECT_TIMEOUT_MS, signal);
  const socket = connect({ host, port, signal: timeout });
  const accepted = await new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(!resetIfConnectedToItself(socket)));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  signal.throwIfAborted();
  return accepted;
}
