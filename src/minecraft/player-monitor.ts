import { setTimeout } from 'node:timers/promises';
import type { Address } from '../config/session-config.ts';
import { ping } from './ping.ts';
import {
  applySample,
  emptyPresence,
  type IdleLimit,
  type IdleLimits,
  limitReached,
  MIN_FAILED_PINGS,
  type Presence,
  type StatusSample,
} from './player-count.ts';

export interface MonitorOptions extends IdleLimits {
  /** Between an answer and the next ping; a second when not given. */
  readonly intervalMs?: number;
  readonly signal: AbortSignal;
  /** Told whenever somebody has joined or left, and when the server falls silent or answers again. */
  readonly onChange?: (people: Presence) => void;
}

export interface PlayerMonitor {
  people(): Presence;
  /** Whom the server has named, the agent among them, each once: personal data. */
  names(): readonly string[];
  /** The first limit that is reached, and the watch's end; undefined when it was aborted. */
  readonly limit: Promise<IdleLimit | undefined>;
}

const MAX_NAMES = 1_000;

/** Follows who is on a server that has just answered, by asking it every second, until a limit is reached. */
export function monitorPlayers(address: Address, options: MonitorOptions): PlayerMonitor {
  const { signal, intervalMs = 1_000, onChange } = options;
  const pingOptions = { timeoutMs: Math.min(5_000, options.livenessTimeoutMs / MIN_FAILED_PINGS), signal };
  const beganMs = performance.now();
  const names = new Set<string>();
  let people = emptyPresence;
  return { people: () => people, names: () => [...names], limit: watch() };

  async function watch(): Promise<IdleLimit | undefined> {
    try {
      for (;;) {
        apply(await poll());
        const limit = limitReached(people, options);
        if (limit) return limit;
        await setTimeout(intervalMs, undefined, { signal });
      }
    } catch (fault) {
      if (signal.aborted) return undefined;
      throw fault;
    }
  }

  async function poll(): Promise<StatusSample> {
    try {
      const status = await ping(address, pingOptions);
      collectNames(status.names);
      return { atMs: performance.now() - beganMs, online: status.online };
    } catch (fault) {
      signal.throwIfAborted();
      return {
        atMs: performance.now() - beganMs,
        fault: fault instanceof Error ? fault.message : String(fault),
      };
    }
  }

  function collectNames(seen: readonly string[]): void {
    for (const name of seen) if (names.size < MAX_NAMES) names.add(name);
  }

  function apply(seen: StatusSample): void {
    const before = people;
    people = applySample(before, seen, options);
    const fellSilentOrSpoke = (before.unanswered === undefined) !== (people.unanswered === undefined);
    if (before.now !== people.now || fellSilentOrSpoke) onChange?.(people);
  }
}
