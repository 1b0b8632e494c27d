import { connect } from 'node:net';
import type { Address } from '../config/session-config.ts';
import { sleep, timeoutSignal } from '../runtime/abort.ts';
import { isConnectedToItself, ping, type ServerStatus } from './ping.ts';

export interface ReadyOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called after each ping that has failed, as the first ones usually do. */
  readonly onFailedTry?: (error: unknown) => void;
}

/**
 * Pings a server that is starting until it answers.
 * @returns its first answer; undefined when it has not answered within `timeoutMs`
 * @throws the signal's reason when aborted
 */
export async function waitUntilReady(
  address: Address,
  { timeoutMs, signal, onFailedTry }: ReadyOptions,
): Promise<ServerStatus | undefined> {
  const startMs = performance.now();
  for (;;) {
    const waitedMs = performance.now() - startMs;
    if (waitedMs >= timeoutMs) return undefined;
    try {
      return await ping(address, {
        timeoutMs: Math.min(pingTimeoutMs(waitedMs), timeoutMs - waitedMs),
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      onFailedTry?.(error);
    }
    await sleep(pauseMs(waitedMs), signal);
  }
}

// A connection that is accepted too early may never be answered: waiting for it must not cost much at first. A server
// that is slow to answer must be given the time later.
function pingTimeoutMs(waitedMs: number): number {
  return Math.min(Math.max(1_000, waitedMs / 2), 5_000);
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
    socket.once('connect', () => resolve(!isConnectedToItself(socket)));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  signal.throwIfAborted();
  return accepted;
}
