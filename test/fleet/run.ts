import { setTimeout } from 'node:timers/promises';
import { type Change, makeChanges } from './changes.ts';
import { hasObserved, type Moment, momentOf } from './measure.ts';
import type { Plan } from './plan.ts';
import { settle } from './settle.ts';
import { openStage, type Stage } from './stage.ts';
import type { ViewEvent } from './viewers.ts';

/** After the throttling an instance may say a little later than it ends that it did not hear anything. */
const LOOK_MS = 3_000;

/** What was measured. */
export interface Outcome {
  readonly plan: Plan;
  /** Before and after the quiet time, after the changes, and in the end. */
  readonly moments: readonly [start: Moment, quiet: Moment, changed: Moment, end: Moment];
  readonly changes: readonly Change[];
  /** What viewers of sessions that did not change were told: in the quiet time, and while ECS throttled or after that. */
  readonly quietEvents: readonly ViewEvent[];
  readonly throttledEvents: readonly ViewEvent[];
  /** The last that each of them was told. */
  readonly lastEvents: readonly ViewEvent[];
  /** The bytes that came to them in the quiet time. */
  readonly quietBytes: number;
  /** Viewers whose stream ended though their session did not. */
  readonly lost: readonly string[];
  /** For each instance, whether it observed. */
  readonly observing: readonly boolean[];
}

/** Waits until all pages say again that what they show is new, or time is over. */
async function recovered({ viewers }: Stage, ids: readonly string[], withinMs: number): Promise<void> {
  const isNew = (id: string) => viewers.eventsOf(id).at(-1)?.view.known === '';
  const endMs = performance.now() + withinMs;
  do await setTimeout(LOOK_MS);
  while (!ids.every(isNew) && performance.now() < endMs);
}

/** Sets all up, and goes through its times. @param tell told what is being done */
export async function simulate(plan: Plan, tell: (text: string) => void): Promise<Outcome> {
  tell(`starting, with ${plan.tasks} tasks`);
  await using stage = await openStage(plan.tasks);
  const ids = await settle(stage, plan.tasks);
  tell('all pages are followed: nothing changes');
  const start = await momentOf(stage);
  await setTimeout(plan.quietMs);
  const quiet = await momentOf(stage);
  tell('sessions end, are launched, and are stopped');
  const running = [...ids];
  const changes = await makeChanges(stage, { running, forMs: plan.changesMs, everyMs: plan.changeEveryMs });
  const changed = await momentOf(stage);
  tell('ECS throttles whoever lists and describes tasks');
  await stage.aws.throttle(plan.throttledMs);
  await setTimeout(plan.throttledMs);
  await recovered(stage, running, plan.recoveryMs);
  const end = await momentOf(stage);

  // What is left of `running` was not touched.
  const eventsBetween = (from: Moment, to: Moment) =>
    running.flatMap(id =>
      stage.viewers.eventsOf(id).filter(({ atMs }) => atMs >= from.atMs && atMs < to.atMs),
    );
  const bytesOf = ({ viewerBytes }: Moment) => running.reduce((sum, id) => sum + (viewerBytes[id] ?? 0), 0);
  return {
    ...{ plan, changes, moments: [start, quiet, changed, end] },
    quietEvents: eventsBetween(start, quiet),
    throttledEvents: eventsBetween(changed, end),
    lastEvents: running.flatMap(id => stage.viewers.eventsOf(id).at(-1) ?? []),
    quietBytes: bytesOf(quiet) - bytesOf(start),
    lost: running.flatMap(id => stage.viewers.closed().get(id) ?? []),
    observing: stage.instances.map(hasObserved),
  };
}
