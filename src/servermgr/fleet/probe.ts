import type { Address } from '../../config/session-config.ts';
import { ping, type ServerStatus } from '../../minecraft/ping.ts';
import { isPortOpen } from '../../minecraft/readiness.ts';

/** How far a game server is, as seen from outside. `status` is undefined while it accepts connections only. */
export type Probe =
  | { readonly port: 'closed' }
  | { readonly port: 'open'; readonly status: ServerStatus | undefined };

const PING_TIMEOUT_MS = 2_000;
const CONCURRENT_PROBES = 32;

/** Probes one server. @throws nothing but the signal's reason. */
async function probe(address: Address, signal: AbortSignal): Promise<Probe> {
  try {
    return { port: 'open', status: await ping(address, { timeoutMs: PING_TIMEOUT_MS, signal }) };
  } catch {
    signal.throwIfAborted();
    return (await isPortOpen(address, signal)) ? { port: 'open', status: undefined } : { port: 'closed' };
  }
}

/** Probes many servers, so many at a time. @param addresses by session. @throws the signal's reason. */
export async function probeAll(
  addresses: ReadonlyMap<string, Address>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Probe>> {
  const remaining = [...addresses];
  const probes = new Map<string, Probe>();
  const worker = async () => {
    for (let next = remaining.pop(); next !== undefined; next = remaining.pop()) {
      probes.set(next[0], await probe(next[1], signal));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_PROBES }, worker));
  return probes;
}
