import { connect } from 'node:net';
import type { Address } from '../../config/session-config.ts';
import { ping, type ServerStatus } from '../../minecraft/ping.ts';

/** How far a game server is, seen from outside. */
export type Probe =
  | { readonly port: 'closed' }
  | { readonly port: 'open'; readonly status: ServerStatus | undefined };

const PING_MS = 2_000;
const CONNECT_MS = 1_000;

/** Looks at one server. It never rejects, except with the signal's reason. */
export async function probe(address: Address, signal: AbortSignal): Promise<Probe> {
  try {
    return { port: 'open', status: await ping(address, { timeoutMs: PING_MS, signal }) };
  } catch {
    signal.throwIfAborted();
    // It does not speak yet, but perhaps it listens.
    return (await accepts(address, signal)) ? { port: 'open', status: undefined } : { port: 'closed' };
  }
}

async function accepts({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ host, port, signal, timeout: CONNECT_MS });
  try {
    return await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true));
      socket.once('timeout', () => resolve(false));
      // Refused, unreachable or aborted: 'close' follows.
      socket.once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** Looks at many, a few at a time. */
export async function probeAll(
  addresses: ReadonlyMap<string, Address>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Probe>> {
  const waiting = [...addresses];
  const found = new Map<string, Probe>();
  const worker = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      found.set(next[0], await probe(next[1], signal));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

const AT_ONCE = 32;
