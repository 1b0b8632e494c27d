import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { s3Environment } from '../../scripts/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import {
  openSessionFixture,
  program,
  type RunningSupervisor,
  type SessionFixture,
} from '../support/session.ts';
import { type Judgement, judge } from './judge.ts';
import type { Plan } from './plan.ts';
import { archivesOf, journalsOf, killEverybody, unpack } from './stage.ts';
import { describeUploads, slowestUploadMs } from './uploads.ts';

export interface Played extends Judgement {
  /** Whether there was anything to recover from. */
  readonly hadJournal: boolean;
  readonly allowedMs: number;
  readonly uploadMs: number;
  readonly log: string;
}

/** For looking at the folder and packing what is found, on a machine that has other things to do. */
const LOOKING_MS = 500;

/** Plays one session with the real supervisor, kills everything, recovers, and compares. */
export async function playPlan(plan: Plan): Promise<Played> {
  await using theatre = await openSessionFixture();
  const s3 = await startS3Server({ faults: plan.faults });
  try {
    const { session, killedAtMs } = await playUntilKilled(plan, theatre, s3);
    const uploads = describeUploads(s3.requests, killedAtMs);
    const uploadMs = slowestUploadMs(s3.requests, killedAtMs);
    const allowedMs = plan.intervalMs + uploadMs + LOOKING_MS;
    const recovery = await recover(plan, theatre, s3);
    const archives = await archivesOf(theatre, s3);
    const recovered = join(dirname(theatre.workdir), 'recovered');
    for (const [index, archive] of archives.entries()) await unpack(archive, `${recovered}.${index}`);
    const folders = archives.map((_, index) => `${recovered}.${index}`);
    const judgement = await judge({ truth: theatre.workdir, folders, killedAtMs, allowedMs });
    const faults = [...recovery.faults, ...judgement.faults];
    const log = `${session.stdout()}${session.stderr()}${uploads}${recovery.log}`;
    return { ...judgement, faults, hadJournal: recovery.hadJournal, allowedMs, uploadMs, log };
  } finally {
    await s3.close();
  }
}

async function playUntilKilled(plan: Plan, theatre: SessionFixture, s3: S3Server) {
  const mark = randomUUID();
  const session = theatre.start({
    ...places(plan, s3),
    SESSION_AGENT_COMMAND: program('agent-scribbles', plan.agentSeed, cutEveryMs(plan)),
    SESSION_JOURNAL_INTERVAL: `${plan.intervalMs}ms`,
    KILLS_SESSION: mark,
  });
  await session.logged('"event":"process_started","child":"agent"');
  const isOver = new AbortController();
  const breaking = breakConnections(plan, s3, isOver.signal);
  await setTimeout(plan.livesMs);
  const killedAtMs = await killEverybody(session, `KILLS_SESSION=${mark}`, dirname(theatre.workdir));
  isOver.abort();
  await breaking;
  return { session, killedAtMs };
}

/** A log that is cut before it was seen to grow is taken for a rewritten file. */
function cutEveryMs({ intervalMs }: Plan): number {
  return 2 * (intervalMs + LOOKING_MS);
}

function places({ kind }: Plan, s3: S3Server): Record<string, string> {
  return kind === 's3' ? s3Environment(s3) : {};
}

async function breakConnections({ breaksAfterMs }: Plan, s3: S3Server, signal: AbortSignal): Promise<void> {
  if (breaksAfterMs === undefined) return;
  await setTimeout(breaksAfterMs, undefined, { signal }).then(
    () => s3.breakConnections(),
    () => undefined,
  );
}

/** What recover exits with when there is no journal. */
const NOTHING_THERE = 64;

/** Recovers until it is done: some recoveries are killed, some meet a store in trouble, the last one does not. */
async function recover(plan: Plan, theatre: SessionFixture, s3: S3Server) {
  const session = plan.kind === 's3' ? 's3://bucket/sessions/test' : join(theatre.sessions, 'test');
  const start = () => theatre.start(places(plan, s3), 'recover', '--force', session);
  s3.setFaults(plan.recoveryFaults);
  let log = '';
  for (const afterMs of plan.recoveriesKilledAfterMs) {
    const cutOff = start();
    await Promise.race([setTimeout(afterMs), cutOff.ended()]);
    cutOff.signal('SIGKILL');
    await cutOff.ended();
    log += told(cutOff);
  }
  const wasTroubled = plan.recoveriesKilledAfterMs.length > 0 || plan.recoveryFaults.length > 0;
  const first = start();
  let { code } = await first.ended();
  log += told(first);
  s3.setFaults([]);
  if (code !== 0 && wasTroubled) {
    const last = start();
    ({ code } = await last.ended());
    log += told(last);
  }
  const isDone = code === 0 || code === NOTHING_THERE;
  const archives = await archivesOf(theatre, s3);
  const left = await journalsOf(theatre, s3);
  return {
    hadJournal: archives.length > 0,
    faults: [
      ...(isDone ? [] : [`recover ended with ${code}: ${log}`]),
      ...(archives.length > 1 ? [`there are ${archives.length} archives`] : []),
      ...left.map(path => `recover has left ${path}`),
      ...(code === 0 && archives.length === 0 ? ['recover ended with 0, and there is no archive'] : []),
    ],
    log,
  };
}

function told(recovery: RunningSupervisor): string {
  return `${recovery.stdout()}${recovery.stderr()}`;
}
