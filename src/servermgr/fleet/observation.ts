import type { ServerStatus } from '../../minecraft/ping.ts';
import { peopleOnline } from '../../minecraft/player-count.ts';
import type { Session } from '../launchers/launcher.ts';
import type { Probe } from './probe.ts';

/** 30 asked for, 50 provisioned, 75 address known, 90 port open, 100 the server answers. */
export type Progress = 30 | 50 | 75 | 90 | 100;

/** What one instance has seen of a session with its own eyes. After a restart it starts anew, and nothing breaks. */
export interface Memory {
  readonly firstSeenMs: number;
  /** It was seen before its server could have been ready: so whether it ever was is known for certain. */
  readonly fromTheStart: boolean;
  /** The furthest that it ever was. */
  readonly progress: Progress;
  readonly readyMs: number | undefined;
  readonly lastAnswerMs: number | undefined;
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
  const known = further(before ?? firstSight(sight), progressOf(sight));
  const { probe, atMs, agentPlayers } = sight;
  if (probe?.port !== 'open' || probe.status === undefined) return known;
  const people = peopleOnline(probe.status.online, agentPlayers);
  return {
    ...known,
    readyMs: known.readyMs ?? atMs,
    lastAnswerMs: atMs,
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
    progress: 30,
    readyMs: undefined,
    lastAnswerMs: undefined,
    status: undefined,
    people: 0,
    everJoined: false,
    leftMs: undefined,
  };
}

function further(known: Memory, progress: Progress): Memory {
  return progress > known.progress ? { ...known, progress } : known;
}

/** How far a session is, by its state and by what its server answers. */
export function progressOf({ session, probe }: Pick<Sight, 'session' | 'probe'>): Progress {
  switch (session.state.phase) {
    case 'asked':
    case 'ending':
    case 'ended':
      return 30;
    case 'provisioned':
      return 50;
    case 'running':
      if (probe?.port !== 'open') return 75;
      return probe.status === undefined ? 90 : 100;
    default:
      return session.state satisfies never;
  }
}
