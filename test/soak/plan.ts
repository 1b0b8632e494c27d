import { createRandom, type Random } from '../support/random.ts';
import { type ChildPlan, hangs, randomAgent, randomServer, randomSetup } from './children.ts';
import { randomStore, type StorePlan } from './stores.ts';

/** How one session is to go. */
export interface Plan {
  readonly index: number;
  readonly setup: ChildPlan | undefined;
  readonly server: ChildPlan;
  readonly agent: ChildPlan;
  readonly store: StorePlan;
  /** Limits that end it from within. */
  readonly limits: Readonly<Record<string, string>>;
  readonly stops: readonly Stop[];
  /** SESSION_STOP_GRACE. */
  readonly grace: string;
  /** SESSION_JOURNAL_INTERVAL. */
  readonly journal: string;
  readonly output: Output;
  /** A mount below the working directory answers nothing once programs are there. */
  readonly hasSilentMount: boolean;
}

/** Where stdout and stderr go: to whoever reads them, a pipe that is full and that nobody reads, a disk without room. */
export type Output = 'read' | 'unread' | 'full';

/** One signal. */
export interface Stop {
  readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT';
  /** What it waits for; `signal` is the one before it. */
  readonly after: Moment | 'signal';
  readonly delayMs: number;
}

/** What its log shows of a session, in this order; only some have a setup. */
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

export function randomPlan(seed: number, index: number): Plan {
  const random = createRandom(seed * 1_000_003 + index);
  const setup = randomSetup(random);
  const server = randomServer(random);
  const agent = randomAgent(random);
  const store = randomStore(random);
  const causes = { setup, server, agent, limits: randomLimits(random) };
  const endsByItself = naturalCodes(causes).length > 0;
  const count = endsByItself ? random.pick([0, 0, 1, 2]) : random.pick([1, 1, 2]);
  const hasSilentMount = store.kind !== 'a mount that goes silent' && random.chance(0.1);
  // Before it begins its mount is being made.
  const hasMount = hasSilentMount || store.kind === 'a mount that goes silent';
  const output = random.pick<Output>(['read', 'read', 'read', 'read', 'unread', 'full']);
  return {
    index,
    ...causes,
    store,
    // What comes after its log was closed shows on the console alone.
    stops:
      output === 'read'
        ? randomStops(random, count, momentsOf(causes, endsByItself), hasMount)
        : randomStops(random, Math.min(count, 1), momentsOf(causes, false), hasMount),
    // Without a stop request, an hour's grace would be waited for.
    grace: endsByItself ? random.pick(['300ms', '1s']) : random.pick(['300ms', '1s', '1h']),
    journal: random.pick(['off', '100ms', '1s']),
    output,
    hasSilentMount,
  };
}

/** What can end a session from within. */
type EndCauses = Pick<Plan, 'setup' | 'server' | 'agent' | 'limits'>;

function randomLimits(random: Random): Plan['limits'] {
  return random.pick<() => Plan['limits']>([
    () => ({}),
    () => ({}),
    () => ({}),
    () => ({}),
    () => ({ SESSION_MAX_DURATION: `${random.between(1, 2_000)}ms` }),
    () => ({ SESSION_JOIN_TIMEOUT: `${random.between(1, 800)}ms` }),
  ])();
}

/** When it can be sent a signal; a session that does not end by itself never gets to `stopping`. */
function momentsOf({ setup }: EndCauses, endsByItself: boolean): [Moment, ...Moment[]] {
  if (setup !== undefined && hangs(setup)) return ['begin', 'setup'];
  const early: [Moment, ...Moment[]] = ['begin', 'starting', 'playing'];
  return endsByItself ? [...early, 'stopping', 'saving', 'over'] : early;
}

function randomStops(
  random: Random,
  count: number,
  moments: readonly [Moment, ...Moment[]],
  hasMount: boolean,
): Stop[] {
  const after = random.chance(0.05) && !hasMount ? 'spawn' : random.pick(moments);
  const signal = () => random.pick(['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGQUIT'] as const);
  const delayMs =
    after === 'over'
      ? random.between(0, 40)
      : random.pick([0, random.between(0, 100), random.between(0, 800)]);
  const first: Stop = { signal: signal(), after, delayMs };
  const second: Stop = { signal: signal(), after: 'signal', delayMs: random.between(0, 3_000) };
  return [first, second].slice(0, count);
}

/** An end that comes that much earlier than another one is the session's. */
const APART_MS = 2_000;

/** The exit codes that a session may have when nobody stops it and it is saved; none: it does not end. */
export function naturalCodes({ setup, server, agent, limits }: EndCauses): number[] {
  const duration = limits.SESSION_MAX_DURATION === undefined ? [] : [0];
  if (setup?.end !== undefined) return [setup.end.code, ...duration];
  if (setup !== undefined && hangs(setup)) return duration;
  if (server.end?.code === 10) return [10, ...duration];
  // While a server does not answer nobody is counted.
  const withinMs = server.end?.withinMs === undefined ? 0 : Number.POSITIVE_INFINITY;
  const joined = limits.SESSION_JOIN_TIMEOUT === undefined ? [] : [{ code: 0, afterMs: 500, withinMs }];
  const ends = [server.end, agent.end, ...joined].filter(end => end !== undefined);
  const firstMs = Math.min(...ends.map(({ afterMs, withinMs = 0 }) => afterMs + withinMs));
  const first = ends.filter(({ afterMs }) => afterMs - firstMs < APART_MS);
  return [...new Set([...first.map(({ code }) => code), ...duration])];
}

/** For people, in one line. */
export function describePlan(plan: Plan): string {
  const { setup, server, agent, store, limits, stops, grace, journal, output, hasSilentMount } = plan;
  const parts = [
    ...(setup === undefined ? [] : [`setup: ${setup.name}`]),
    `server: ${server.name}`,
    `agent: ${agent.name}`,
    `to: ${store.name}${store.hasFallback ? ', with a fallback' : ''}`,
    ...Object.entries(limits).map(([name, value]) => `${name}=${value}`),
    `grace ${grace}`,
    `journal ${journal}`,
    ...(output === 'read' ? [] : [`output ${output}`]),
    ...(hasSilentMount ? ['a mount goes silent'] : []),
    ...stops.map(({ signal, after, delayMs }) => `${signal} at ${after} + ${delayMs} ms`),
  ];
  return parts.join(' | ');
}
