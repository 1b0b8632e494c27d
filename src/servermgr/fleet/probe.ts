import type { Address } from '../../config/session-config.ts';
import { ping, type ServerStatus } from '../../minecraft/ping.ts';
import { isPortOpen } from '../../minecraft/readiness.ts';
import { answersHttp } from './http-probe.ts';

/** Where a session is probed. */
export interface ProbeTarget {
  readonly game: Address;
  /** undefined: there is none, or it need not be asked. */
  readonly dashboard: Address | undefined;
}

/** How far a session is, as seen from outside. */
export type Probe =
  | { readonly port: 'closed' }
  | {
      readonly port: 'open';
      /** undefined: the game server accepts connections only. */
      readonly status: ServerStatus | undefined;
      /** Whether the dashboard answers; undefined: it was not asked. */
      readonly dashboard?: boolean | undefined;
    };

const PING_TIMEOUT_MS = 2_000;

/** Probes one session, its dashboard only when the game answers. @throws nothing but the signal's reason. */
export async function probe({ game, dashboard }: ProbeTarget, signal: AbortSignal): Promise<Probe> {
  const status = await ping(game, { timeoutMs: PING_TIMEOUT_MS, signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (status === undefined) {
    return (await isPortOpen(game, signal)) ? { port: 'open', status } : { port: 'closed' };
  }
  return { port: 'open', status, dashboard: dashboard && (await answersHttp(dashboard, signal)) };
}
