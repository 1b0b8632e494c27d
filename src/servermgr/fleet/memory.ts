import type { ServerStatus } from '../../server/ping.ts';
import type { Session } from '../launchers/launcher.ts';
import type { Probe } from './probe.ts';

/** What one instance has seen of a session with its own eyes. After a restart it starts anew, and nothing breaks. */
export interface Memory {
  readonly firstSeenMs: number;
  /** It was seen before its server could have been ready: so whether it ever was is known for certain. */
  readonly fromTheStart: boolean;
  readonly readyMs: number | undefined;
  readonly lastAnswerMs: number | undefined;
  readonly portOpen: boolean;
  readonly status: ServerStatus | undefined;
  readonly people: number;
  readonly everJoined: boolean;
  /** When the last person was seen to be gone. */
  readonly leftMs: number | undefined;
}

export interface Sight {
  readonly session: Session;
  readonly probe: Probe | undefined;
  readonly atMs: number;
  readonly agentPlayers: number;
  /** This instance has started it itself. */
  readonly own: boolean;
}

/** What is known after one more look. */
export function remember(before: Memory | undefined, sight: Sight): Memory {
  const known = before ?? firstSight(sight);
  const { probe, atMs, agentPlayers } = sight;
  if (probe === undefined) return known;
  if (probe.port === 'closed') return { ...known, portOpen: false };
  if (probe.status === undefined) return { ...known, portOpen: true };
  const people = Math.max(0, probe.status.online - agentPlayers);
  return {
    ...known,
    readyMs: known.readyMs ?? atMs,
    lastAnswerMs: atMs,
    portOpen: true,
    status: probe.status,
    people,
    everJoined: known.everJoined || people > 0,
    leftMs: people > 0 ? undefined : known.people > 0 ? atMs : known.leftMs,
  };
}

function firstSight({ session, atMs, own }: Sight): Memory {
  return {
    firstSeenMs: atMs,
    fromTheStart: own || session.state.phase === 'asked' || session.state.phase === 'provisioned',
    readyMs: undefined,
    lastAnswerMs: undefined,
    portOpen: false,
    status: undefined,
    people: 0,
    everJoined: false,
    leftMs: undefined,
  };
}
