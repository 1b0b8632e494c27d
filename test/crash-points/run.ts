import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { judgeRepetition } from '../proof/model.ts';
import { withoutFences } from '../support/fences.ts';
import { type Judgement, judge } from './judge.ts';
import { isDistinct, type StoredEvent } from './place.ts';
import { digestOf } from './s3-place.ts';
import type { Scenario } from './scenarios.ts';
import { openWorld, type Remains, type World } from './world.ts';

export interface Result extends Judgement {
  /** This run came to the point. */
  readonly isReached: boolean;
  readonly log: string;
}

/** A scenario with what it begins with, and the points that it has. */
export interface Prepared {
  readonly scenario: Scenario;
  readonly before: Remains | undefined;
  readonly points: readonly string[];
}

/** Runs a scenario in which nobody is killed. */
export async function prepare(scenario: Scenario): Promise<Prepared> {
  const before = scenario.before && (await leaveRemains(scenario, scenario.before));
  await using world = await openWorld(scenario.kind, before);
  await scenario.run(world);
  return { scenario, before, points: (await world.place.points(scenario.victim)).filter(isDistinct) };
}

async function leaveRemains(
  { kind }: Scenario,
  { run, trap }: NonNullable<Scenario['before']>,
): Promise<Remains> {
  await using world = await openWorld(kind, undefined, trap);
  await run(world);
  return await world.end();
}

/** What recover exits with when there is no journal. */
const EXIT_NO_JOURNAL = 64;

/** Kills the victim at one point, recovers twice, and compares. */
export async function runPoint({ scenario, before }: Prepared, point: string): Promise<Result> {
  await using world = await openWorld(scenario.kind, before, { by: scenario.victim, at: point });
  await scenario.run(world);
  await world.end();
  const isReached = (await world.place.points(scenario.victim)).includes(point);
  const first = await recover(world, 'recovery-1');
  const afterFirst = await world.place.objects();
  const second = await recover(world, 'recovery-2');
  const afterSecond = await world.place.objects();
  const scratch = join(world.scratch, 'judged');
  await mkdir(scratch);
  const judgement = await judge(await world.end(), scratch);
  return {
    ...judgement,
    faults: [
      ...judgement.faults,
      ...first.faults,
      ...(second.code === EXIT_NO_JOURNAL ? [] : [`the second recovery ended with ${second.code}`]),
      ...judgeRepetition(digestsOf(afterFirst), digestsOf(afterSecond)),
      ...(await leftIn(afterSecond, await world.place.events())),
    ],
    isReached,
    log: `${world.log(scenario.victim)}${first.log}${second.log}`,
  };
}

async function recover(world: World, by: string) {
  const { code } = await world.startRecovery(by).ended();
  const log = world.log(by);
  const isDone = code === 0 || code === EXIT_NO_JOURNAL;
  return { code, log, faults: isDone ? [] : [`the ${by} ended with ${code}: ${log}`] };
}

function digestsOf(objects: ReadonlyMap<string, Buffer>): Map<string, string> {
  return new Map([...objects].map(([key, bytes]) => [key, digestOf(bytes)]));
}

/**
 * What nobody needs any more. What a process was writing that left no journal stays: there is nothing to recover, and
 * nobody comes by.
 * @param events that have led to the objects
 */
async function leftIn(
  objects: ReadonlyMap<string, Buffer>,
  events: readonly StoredEvent[],
): Promise<string[]> {
  if (!objects.has(REPORT)) return [];
  const folders = new Set(events.map(({ key }) => dirname(key)));
  const keys = await withoutFences([...objects.keys()], async key => objects.get(key));
  const isLeft = (key: string) => /\/journal[^/]*\/|\.tar\.gz\.part$/.test(key) && folders.has(dirname(key));
  return keys.filter(isLeft).map(key => `${key} is left`);
}

const REPORT = '.sessions/test/session.json';
