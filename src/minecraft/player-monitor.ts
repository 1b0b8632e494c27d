import { isDeepStrictEqual } from 'node:util';
import type { Address } from '../config/session-config.ts';
import { pause } from '../runtime/abort.ts';
import { errorMessage } from '../runtime/text.ts';
import { type Beat, createBeatWatch } from './cuberite/beat.ts';
import { ping } from './ping.ts';
import {
  applySample,
  type Connected,
  emptyPresence,
  type IdleLimit,
  type IdleLimits,
  limitReached,
  MAX_STEP_MS,
  MIN_FAILED_PINGS,
  type Presence,
  type StatusSample,
} from './player-count.ts';
import { applyLook, noVisits } from './visits.ts';

export interface MonitorOptions extends IdleLimits {
  /** From an answer to the next ping; 1,000 ms unless given. */
  readonly intervalMs?: number;
  readonly signal: AbortSignal;
  /** Who is connected to the server, each by a string of its own; undefined: that cannot be told. */
  readonly connections?: () => Promise<Peers | undefined>;
  /** Who is connected to the dashboard, as `address:port`; undefined: that cannot be told. */
  readonly visitors?: () => Promise<ReadonlySet<string> | undefined>;
  /** The last that the server's world has told of itself; undefined: nothing that is known. */
  readonly beat?: () => Promise<Beat | undefined>;
  /**
   * Called when a person has joined or left, or the agent, and when the server stops or resumes answering, or telling how
   * many there are.
   */
  readonly onChange?: (people: Presence, before: Presence) => void;
  /** Called when looking has failed, for another reason than the server's; it goes on, and ends nothing by itself. */
  readonly onFault?: (error: unknown) => void;
  /** Called when connections have not told for a while who is online. */
  readonly onEstimate?: () => void;
}

export interface Peers {
  /** The session's own processes. */
  readonly own: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
}

export interface PlayerMonitor {
  people(): Presence;
  /** How many players are in the game, the agent's among them; undefined: that is not known. */
  online(): number | undefined;
  /** undefined: the world does not tell of itself. */
  beat(): Beat | undefined;
  /** The names in the server's answers so far, the agent's among them, each once: personal data. */
  names(): readonly string[];
  /** The first limit that is reached, which ends the monitor; undefined when it was aborted. */
  readonly limit: Promise<IdleLimit | undefined>;
}

const MAX_NAMES = 1_000;

/** Whoever joins or leaves is online a moment sooner, or longer, than connected. */
const ESTIMATED_MS = 10_000;

/** What of it is news when it changes. */
function told({ now, dashboard, agentInGame, unanswered, isUnknown }: Presence) {
  return { now, dashboard, agentInGame, isAnswered: unanswered === undefined, isUnknown };
}

function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'));
}

/** Polls the status of a server that has answered before, every second until an idle limit is reached. */
export function monitorPlayers(address: Address, options: MonitorOptions): PlayerMonitor {
  const { signal, intervalMs = 1_000, onChange } = options;
  const timeoutMs = Math.min(5_000, options.livenessTimeoutMs / MIN_FAILED_PINGS);
  const startMs = performance.now();
  const names = new Set<string>();
  let peers: Peers | undefined;
  let visitors: ReadonlySet<string> = new Set();
  let visits = noVisits;
  let people = emptyPresence;
  let online: number | undefined;
  let beat: Beat | undefined;
  const world = createBeatWatch();
  return {
    people: () => people,
    online: () => online,
    beat: () => beat,
    names: () => [...names],
    limit: run(),
  };

  async function run(): Promise<IdleLimit | undefined> {
    for (; !signal.aborted; await pause(intervalMs, signal)) {
      try {
        apply(await poll());
        const limit = limitReached(people, options);
        if (limit) return limit;
      } catch (error) {
        if (!signal.aborted) options.onFault?.(error);
      }
    }
    return undefined;
  }

  async function poll(): Promise<StatusSample> {
    const status = await ping(address, { timeoutMs, signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      return { fault: errorMessage(error) };
    });
    if ('fault' in status) return { atMs: performance.now() - startMs, ...status };
    beat = await options.beat?.();
    const fault = world.look(beat, performance.now());
    if (fault !== undefined) return { atMs: performance.now() - startMs, fault };
    collectNames([...status.names, ...(beat?.players ?? [])]);
    online = status.online ?? beat?.players?.length;
    const connected = await look();
    const atMs = performance.now() - startMs;
    await lookAtDashboard(atMs);
    return { atMs, online, connected, visits };
  }

  /** After the ping, whose own connection is closed by then. */
  async function look(): Promise<Connected | undefined> {
    const before = peers;
    peers = await options.connections?.();
    if (peers === undefined) return undefined;
    const { own, others } = peers;
    const lasting = before === undefined ? 0 : [...others].filter(peer => before.others.has(peer)).length;
    return { own: own.size, others: others.size, lasting };
  }

  async function lookAtDashboard(atMs: number): Promise<void> {
    const before = visitors;
    visitors = (await options.visitors?.()) ?? new Set();
    const held = new Set([...visitors].filter(each => before.has(each)).map(addressOf));
    visits = applyLook(visits, held, { stepMs: Math.min(atMs - people.sampledMs, MAX_STEP_MS), atMs });
  }

  function collectNames(seen: readonly string[]): void {
    for (const name of seen) if (names.size < MAX_NAMES) names.add(name);
  }

  function apply(sample: StatusSample): void {
    const before = people;
    people = applySample(before, sample, options);
    if (!isDeepStrictEqual(told(before), told(people))) onChange?.(people, before);
    if (before.estimatedMs < ESTIMATED_MS && people.estimatedMs >= ESTIMATED_MS) options.onEstimate?.();
  }
}
