import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Address } from '../config/session-config.ts';
import { timeoutSignal } from '../runtime/abort.ts';
import { ping, type ServerStatus } from './ping.ts';

export interface ReadyOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told why a try has failed; most of the first ones do. */
  readonly onFailedTry?: (fault: unknown) => void;
}

/**
 * Asks for the server's status again and again until it answers.
 * @returns its first answer; undefined when the time is over.
 * @throws the signal's reason when aborted.
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
      return await ping(address, { timeoutMs: Math.min(tryLimitMs(waitedMs), timeoutMs - waitedMs), signal });
    } catch (fault) {
      signal.throwIfAborted();
      onFailedTry?.(fault);
    }
    await setTimeout(pauseMs(waitedMs), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

// A socket that is accepted too early may never be answered: giving up on it must cost little at first. A server that
// is slow to answer has to be met in the end.
function tryLimitMs(waitedMs: number): number {
  return Math.min(Math.max(1_000, waitedMs / 2), 5_000);
}

function pauseMs(waitedMs: number): number {
  return Math.min(50 + waitedMs / 50, 250);
}

const CONNECT_LIMIT_MS = 1_000;

/**
 * Whether something already accepts connections where the server is to answer, and would be mistaken for it.
 *
 * Found out by connecting, not by binding: on the address of another machine nothing can be bound, what listens on
 * another interface does no harm, `localhost` stands for two addresses, and Cuberite may bind although connections
 * of an earlier server are still in TIME_WAIT.
 * @throws the signal's reason when aborted.
 */
export async function isPortOpen({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const limit = timeoutSignal(CONNECT_LIMIT_MS, signal);
  const socket = connect({ host, port, signal: limit });
  const accepted = await new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  signal.throwIfAborted();
  return accepted;
}
