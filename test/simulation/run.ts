import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../src/runtime/abort.ts';
import type { Log } from '../../src/runtime/log.ts';
import { createRandom } from '../support/random.ts';
import { type Bucket, createBucket } from './bucket.ts';
import { type Client, createClient } from './client.ts';
import { createMischief, type FaultCounts } from './faults.ts';
import { createJudge } from './judge.ts';
import type { Plan, RecoveryPlan } from './plan.ts';
import { startRecovery } from './recovery.ts';
import { configOf, type SimulatedSession, startSession, TIMESTAMP } from './session.ts';
import { createWorkdir } from './workdir.ts';
import { beginRun, live } from './world.ts';

export interface Result {
  /** What must not be. */
  readonly faults: readonly string[];
  readonly counts: FaultCounts;
  readonly comparedBytes: number;
  readonly wrongBytes: number;
  /** Of the simulated clock. */
  readonly ms: number;
  /** All that the store did, in its order. */
  readonly events: Bucket['events'];
}

export interface RunOptions {
  /** Where its files lie; what is there of it afterwards is removed. */
  readonly scratch: string;
  readonly log: Log;
}

/** Longer than anything is under way, and than a journal that nobody writes counts as live. */
const REST_MS = 10 * 60_000;
const VISITS = 5;
const VISIT_EVERY_MS = 100_000;

/** Makes one run: a session, what befalls it, and the recoveries that come after it. */
export async function run(plan: Plan, options: RunOptions): Promise<Result> {
  beginRun(plan.seed);
  // The name is as long each time: it is in no archive, but in messages.
  const folder = mkdtempSync(join(options.scratch, 'run-'));
  try {
    return await live(play(plan, folder, options));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function play(plan: Plan, folder: string, { log }: RunOptions): Promise<Result> {
  const never = new AbortController().signal;
  const wait = (ms: number) => sleep(ms, never);
  const enabled = new Set(plan.faults);
  const mischief = createMischief(createRandom(plan.seed), enabled);
  const workdir = createWorkdir(join(folder, 'work'));
  const config = configOf(workdir.folder);
  let session: SimulatedSession | undefined;
  const neighbour = plan.neighbour === 'nobody' ? undefined : keyOfNeighbour(plan);
  const judge = createJudge(
    () => bucket,
    workdir,
    key => key !== neighbour,
  );
  const bucket: Bucket = createBucket({ ...plan, onEvent: judge.before });
  if (neighbour !== undefined) {
    const another = Buffer.from('{"run":"another"}');
    bucket.put(neighbour, another, 'neighbour', { ifAbsent: false, isLate: false });
  }
  const before = neighbour && bucket.read(neighbour)?.id;

  const client = createClient({
    bucket,
    by: () => 'session',
    mischief,
    killAt: plan.killAt,
    areAbortedOnesDone: plan.takeover,
    onKilled: () => session?.kill(),
  });

  async function cutOff(target: Client, spans: RecoveryPlan['partition'][]): Promise<void> {
    for (const span of spans.filter(each => each !== undefined)) {
      await wait(span.atMs);
      if (enabled.has('partitions')) target.cutOff(span.forMs);
    }
  }

  async function jump(): Promise<void> {
    for (const { atMs, byMs } of plan.jumps) {
      await wait(atMs);
      if (!enabled.has('clock jumps')) continue;
      workdir.jump(byMs);
      mischief.counts['clock jumps'] += 1;
    }
  }

  async function playSession(): Promise<void> {
    session = await startSession(client.store, config, log);
    for (const deed of plan.deeds) {
      await wait(deed.afterMs);
      if (client.isKilled()) return;
      workdir.do(deed);
    }
    if (plan.end === 'killed') return client.kill();
    const where = await session.end();
    if (!client.isKilled() && where !== 'lost') judge.saidToHave(where);
  }

  async function recover(name: string, { atMs, killAt, partition }: RecoveryPlan): Promise<void> {
    // Without conditions nobody notices another one: whoever recovers knows that the session is over.
    await wait(plan.conditions === 'honoured' ? atMs : atMs + REST_MS);
    let visit = 1;
    const own = createClient({
      bucket,
      by: () => `${name}.${visit}`,
      mischief,
      killAt,
      areAbortedOnesDone: plan.takeover,
      onKilled: () => recovery.kill(),
    });
    const { store } = own;
    const scratch = join(folder, name);
    const recovery = startRecovery({
      store,
      config,
      host: name,
      scratch,
      force: plan.conditions !== 'honoured',
    });
    void cutOff(own, [partition]);
    for (; visit <= VISITS && !own.isKilled(); visit += 1) {
      // What it tells is told by what it leaves.
      if (await recovery.run().catch(() => false)) return;
      await wait(VISIT_EVERY_MS);
    }
  }

  /** Where nothing tells two writers apart they come one after the other. */
  async function recoverAll(sessionOver: Promise<void>): Promise<void> {
    const all = plan.recoveries.map((each, i) => () => recover(`recovery-${i + 1}`, each));
    if (plan.takeover && plan.conditions === 'honoured') await Promise.all(all.map(begin => begin()));
    else await all.reduce((before, next) => before.then(next), sessionOver);
  }

  const over = playSession();
  await Promise.all([over, cutOff(client, [...plan.partitions]), jump(), recoverAll(over)]);
  mischief.end();
  await wait(REST_MS);
  await recover('last-recovery', { atMs: 0, killAt: undefined, partition: undefined });
  judge.end();
  const atRest = judge.digests();
  await recover('recovery-again', { atMs: 0, killAt: undefined, partition: undefined });
  judge.repeated(atRest);
  if (neighbour !== undefined && bucket.read(neighbour)?.id !== before)
    judge.faults.push(`${neighbour} was overwritten`);
  return {
    faults: [...new Set(judge.faults)],
    counts: mischief.counts,
    comparedBytes: judge.comparedBytes(),
    wrongBytes: judge.wrongBytes(),
    ms: performance.now(),
    events: bucket.events,
  };
}

/** Where conditions do not tell who comes first, a claim has a key of its own besides. */
function keyOfNeighbour({ neighbour, conditions }: Plan): string {
  if (neighbour === 'archive') return `${TIMESTAMP}/logs.tar.gz`;
  const folder = `.sessions/${TIMESTAMP}`;
  return conditions === 'honoured' ? `${folder}/claim.json` : `${folder}/claims/another.json`;
}
