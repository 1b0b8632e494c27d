import { type Draw, newDraw } from './draw.ts';
import { drawAgent, drawServer, drawSetup, hangs, type Role } from './roles.ts';
import { drawStore, type Store } from './stores.ts';

/** One session as it is to go. */
export interface Plan {
  readonly index: number;
  readonly setup: Role | undefined;
  readonly server: Role;
  readonly agent: Role;
  readonly store: Store;
  /** Limits that end it from within. */
  readonly limits: Readonly<Record<string, string>>;
  readonly stops: readonly Stop[];
  /** SESSION_STOP_GRACE. */
  readonly grace: string;
  /** SESSION_JOURNAL_INTERVAL. */
  readonly journal: string;
}

/** One signal. */
export interface Stop {
  readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP';
  /** What it waits for; `signal` is the one before it. */
  readonly after: Moment | 'signal';
  readonly delayMs: number;
}

/** What can be seen of a session from outside, in this order; only some have a setup. */
export const MOMENTS = [
  'spawn',
  'begin',
  'setup',
  'starting',
  'playing',
  'stopping',
  'saving',
  'over',
] as const;

export type Moment = (typeof MOMENTS)[number];

export function drawPlan(seed: number, index: number): Plan {
  const draw = newDraw(seed, index);
  const [setup, server, agent, store] = [drawSetup(draw), drawServer(draw), drawAgent(draw), drawStore(draw)];
  const limits = drawLimits(draw);
  const cast = { setup, server, agent, limits };
  const endsByItself = naturalCodes(cast).length > 0;
  const count = endsByItself ? draw.pick([0, 0, 1, 2]) : draw.pick([1, 1, 2]);
  return {
    index,
    ...cast,
    store,
    stops: drawStops(draw, count, momentsOf(cast, endsByItself)),
    // Nobody waits for an hour who is not pressed.
    grace: endsByItself ? draw.pick(['300ms', '1s']) : draw.pick(['300ms', '1s', '1h']),
    journal: draw.pick(['off', '100ms', '1s']),
  };
}

type Cast = Pick<Plan, 'setup' | 'server' | 'agent' | 'limits'>;

function drawLimits(draw: Draw): Plan['limits'] {
  return draw.pick<() => Plan['limits']>([
    () => ({}),
    () => ({}),
    () => ({}),
    () => ({}),
    () => ({ SESSION_MAX_DURATION: `${draw.between(1, 2_000)}ms` }),
    () => ({ SESSION_JOIN_TIMEOUT: `${draw.between(1, 800)}ms` }),
  ])();
}

/** When it can be stopped; one without an end of its own must be before it stops. */
function momentsOf({ setup }: Cast, endsByItself: boolean): [Moment, ...Moment[]] {
  if (setup !== undefined && hangs(setup)) return ['begin', 'setup'];
  const early: [Moment, ...Moment[]] = ['begin', 'starting', 'playing'];
  return endsByItself ? [...early, 'stopping', 'saving', 'over'] : early;
}

function drawStops(draw: Draw, count: number, moments: readonly [Moment, ...Moment[]]): Stop[] {
  const after = draw.chance(0.05) ? 'spawn' : draw.pick(moments);
  const signal = () => draw.pick(['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const);
  const delayMs =
    after === 'over' ? draw.between(0, 40) : draw.pick([0, draw.between(0, 100), draw.between(0, 800)]);
  const first: Stop = { signal: signal(), after, delayMs };
  const second: Stop = { signal: signal(), after: 'signal', delayMs: draw.between(0, 1_500) };
  return [first, second].slice(0, count);
}

/** An end that comes so much earlier than another one is the session's. */
const APART_MS = 2_000;

/** The exit codes that a session may have when nobody stops it and it is saved; none: it does not end. */
export function naturalCodes({ setup, server, agent, limits }: Cast): number[] {
  const duration = limits.SESSION_MAX_DURATION === undefined ? [] : [0];
  if (setup?.end !== undefined) return [setup.end.code, ...duration];
  if (setup !== undefined && hangs(setup)) return duration;
  if (server.end?.code === 10) return [10, ...duration];
  const joined = limits.SESSION_JOIN_TIMEOUT === undefined ? [] : [{ code: 0, afterMs: 500 }];
  const ends = [server.end, agent.end, ...joined].filter(end => end !== undefined);
  const firstMs = Math.min(...ends.map(({ afterMs }) => afterMs));
  const first = ends.filter(({ afterMs }) => afterMs - firstMs < APART_MS);
  return [...new Set([...first.map(({ code }) => code), ...duration])];
}

/** For people, in one line. */
export function describePlan({ setup, server, agent, store, limits, stops, grace, journal }: Plan): string {
  const parts = [
    ...(setup === undefined ? [] : [`setup: ${setup.name}`]),
    `server: ${server.name}`,
    `agent: ${agent.name}`,
    `to: ${store.name}${store.hasFallback ? ', with a fallback' : ''}`,
    ...Object.entries(limits).map(([name, value]) => `${name}=${value}`),
    `grace ${grace}`,
    `journal ${journal}`,
    ...stops.map(({ signal, after, delayMs }) => `${signal} at ${after} + ${delayMs} ms`),
  ];
  return parts.join(' | ');
}
