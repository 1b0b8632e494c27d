import type { People } from '../../journal/format/people.ts';
import { peopleOnline } from '../../minecraft/player-count.ts';
import type { Session, SessionRunning } from '../launchers/launcher.ts';
import type { Probe, ProbeTarget } from './probe.ts';

/** 30: requested, 50: provisioned, 75: address known, 90: port open, 95: the game answers, 100: it is ready. */
export type Progress = 30 | 50 | 75 | 90 | 95 | 100;

/** What has been observed of a session. It changes only when something happens: it is written down each time. */
export interface Observation {
  /** It has been observed since before its server could be ready, so that nothing was missed. */
  readonly fromStart: boolean;
  /** The furthest that it ever was. */
  readonly progress: Progress;
  /** When a machine was seen to be found, and its address to be known; undefined: nobody looked then. */
  readonly machineMs?: number | undefined;
  readonly addressMs?: number | undefined;
  /** Since when people may join: the game has answered, and the dashboard as well if there is one. */
  readonly readyMs: number | undefined;
  /** When the game has answered first. */
  readonly answeredMs: number | undefined;
  /** Since when it does not answer any more, or is ending; undefined: it does, or never has. */
  readonly silentMs: number | undefined;
  /** What it says that it is, e.g. `Cuberite 1.12.2`. */
  readonly version: string | undefined;
  readonly people: number;
  /** What it tells of them itself; undefined: `people` is what its status shows, without the agent. */
  readonly told: People | undefined;
  readonly everJoined: boolean;
  /** When the last person was seen to be gone; undefined while there is one, or never was. */
  readonly everybodyLeftMs: number | undefined;
  /** For how long there was at least one person, at the dashboard or in the game, until they had all left last. */
  readonly peopleMs: number;
  /** Since when there is one again; undefined: there is none. */
  readonly peopleSinceMs: number | undefined;
}

/** One poll's result for one session. */
export interface Sample {
  readonly session: Session;
  /** undefined: it has no address yet, or no more. */
  readonly probe: Probe | undefined;
  readonly atMs: number;
  /** What it tells of its people itself. */
  readonly told?: People | undefined;
  /** How many of the players online are the agent. */
  readonly agentPlayers: number;
  /** A manager has launched it, and observed it since. */
  readonly launchedHere: boolean;
}

/** The observation after one more sample. @param before undefined: it is the first */
export function observe(before: Observation | undefined, sample: Sample): Observation {
  const known = withProgress(before ?? initial(sample), progressOf(sample), sample.atMs);
  const { probe, atMs, agentPlayers, told } = sample;
  if (probe === undefined) {
    const toldOf = told === undefined ? known : withPeople(known, { people: told.present, told, atMs });
    return withEnd(toldOf, sample);
  }
  if (probe.port !== 'open' || probe.status === undefined) return withSilence(known, atMs);
  const { online } = probe.status;
  const estimate = online === undefined ? known.people : peopleOnline(online, agentPlayers);
  const withThem = withPeople(known, { people: told?.present ?? estimate, told, atMs });
  const { everJoined } = withThem;
  // Whoever plays is shown the address, also by an instance that was started after the dashboard had gone.
  const isReady = probe.dashboard !== false || everJoined;
  const readyMs = known.readyMs ?? (isReady ? atMs : undefined);
  return {
    ...withThem,
    progress: readyMs === undefined ? known.progress : 100,
    readyMs,
    answeredMs: known.answeredMs ?? atMs,
    silentMs: undefined,
    version: probe.status.version ?? known.version,
  };
}

function withPeople(
  known: Observation,
  { people, told, atMs }: Pick<Observation, 'people' | 'told'> & Pick<Sample, 'atMs'>,
): Observation {
  return {
    ...known,
    people,
    told,
    everJoined: known.everJoined || people > 0 || (told?.peak ?? 0) > 0,
    everybodyLeftMs: people > 0 ? undefined : known.people > 0 ? atMs : known.everybodyLeftMs,
    ...presenceAfter(known, people > 0, atMs),
  };
}

/** Who has left while it was silent was there until it was, as far as anybody knows. */
function presenceAfter(
  { peopleMs, peopleSinceMs, silentMs }: Observation,
  isAnybody: boolean,
  atMs: number,
): Pick<Observation, 'peopleMs' | 'peopleSinceMs'> {
  if (isAnybody) return { peopleMs, peopleSinceMs: peopleSinceMs ?? atMs };
  const stayedMs = peopleSinceMs === undefined ? 0 : Math.max(0, (silentMs ?? atMs) - peopleSinceMs);
  return { peopleMs: peopleMs + stayedMs, peopleSinceMs: undefined };
}

function withSilence(known: Observation, atMs: number): Observation {
  return known.answeredMs === undefined ? known : { ...known, silentMs: known.silentMs ?? atMs };
}

/** A session that is ending is not asked any more: who was there counts until it was seen to end, or has ended. */
function withEnd(known: Observation, { session: { state }, atMs }: Sample): Observation {
  const isOver = state.phase === 'ending' || state.phase === 'ended';
  if (!isOver || known.peopleSinceMs === undefined) return known;
  const endedMs = state.phase === 'ended' ? state.atMs : undefined;
  return { ...known, silentMs: known.silentMs ?? Math.min(atMs, endedMs ?? atMs) };
}

function initial({ session, launchedHere }: Sample): Observation {
  const { phase } = session.state;
  return {
    fromStart: launchedHere || phase === 'requested' || phase === 'provisioned',
    progress: 30,
    readyMs: undefined,
    answeredMs: undefined,
    silentMs: undefined,
    version: undefined,
    people: 0,
    told: undefined,
    everJoined: false,
    everybodyLeftMs: undefined,
    peopleMs: 0,
    peopleSinceMs: undefined,
  };
}

function withProgress(known: Observation, progress: Progress, atMs: number): Observation {
  if (progress <= known.progress) return known;
  const { fromStart, machineMs, addressMs } = known;
  if (!fromStart) return { ...known, progress };
  return {
    ...{ ...known, progress },
    machineMs: machineMs ?? atMs,
    addressMs: addressMs ?? (progress >= 75 ? atMs : undefined),
  };
}

/** Where a session is probed: a dashboard no more once it is ready, when only the game tells whether it goes on. */
export function probeTarget(
  { pingAddress, dashboard }: SessionRunning,
  observation: Observation | undefined,
): ProbeTarget {
  const isAwaited = observation?.readyMs === undefined;
  return { game: pingAddress, dashboard: isAwaited ? dashboard?.probeAddress : undefined };
}

/** The version of the game that one has to have, e.g. `1.12.2`; undefined: the server has not told. */
export function minecraftVersion(observation: Observation | undefined): string | undefined {
  const name = observation?.version;
  return name === undefined ? undefined : (/\d+(?:\.\d+)+/.exec(name)?.[0] ?? name);
}

/** How far a session is, by its state and by what it answers. */
export function progressOf({ session, probe }: Pick<Sample, 'session' | 'probe'>): Progress {
  switch (session.state.phase) {
    case 'requested':
    case 'ending':
    case 'ended':
      return 30;
    case 'provisioned':
      return 50;
    case 'running':
      if (probe?.port !== 'open') return 75;
      if (probe.status === undefined) return 90;
      return probe.dashboard === false ? 95 : 100;
    default:
      return session.state satisfies never;
  }
}
