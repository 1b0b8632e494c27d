import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { listSaved } from '../support/saved-files.ts';
import {
  openSessionFixture,
  program,
  type RunningSupervisor,
  type SessionFixture,
} from '../support/session.ts';
import { type Judgement, judge } from './judge.ts';
import { killSession } from './kill.ts';
import type { Plan } from './plan.ts';
import { unpack } from './unpack.ts';
import { claimTimes, describeUploads, slowestUploadMs } from './uploads.ts';

export interface Result extends Judgement {
  /** Whether there was anything to recover from. */
  readonly hadJournal: boolean;
  readonly allowedMs: number;
  readonly uploadMs: number;
  readonly log: string;
}

/** For scanning the folder and packing what is found, on a machine that has other things to do. */
const SCAN_MS = 500;

/** Runs one session with the real supervisor, kills everything, recovers, and compares. */
export async function runPlan(plan: Plan): Promise<Result> {
  await using fixture = await openSessionFixture();
  // What a run that was broken off has left may still ask at a port that is ours now.
  const s3 = await startS3Server({ accessKeys: [randomUUID()], faults: plan.faults });
  try {
    const { session, killedAtMs } = await runUntilKilled(plan, fixture, s3);
    const uploads = describeUploads(s3.requests, killedAtMs);
    const uploadMs = slowestUploadMs(s3.requests, killedAtMs);
    // Segments go one after the other: the next one begins an interval after the last, or when that is uploaded.
    const delayMs = Math.max(plan.intervalMs, uploadMs) + uploadMs + SCAN_MS;
    // Before a session has its name, nothing of it is at the store.
    const claim = claimTimes(s3.requests, killedAtMs);
    const allowedMs = delayMs + (claim.beforeEndMs < delayMs ? claim.tookMs : 0);
    const recovery = await recover(plan, fixture, s3);
    const folders = await unpackAll(recovery.archives, dirname(fixture.workdir));
    const judgement = await judge({ original: fixture.workdir, folders, killedAtMs, allowedMs });
    return {
      ...judgement,
      faults: [...recovery.faults, ...judgement.faults],
      hadJournal: recovery.archives.length > 0,
      allowedMs,
      uploadMs,
      log: `${outputOf(session)}${uploads}${recovery.log}`,
    };
  } finally {
    await s3.close();
  }
}

async function runUntilKilled(plan: Plan, fixture: SessionFixture, s3: S3Server) {
  const marker = randomUUID();
  const session = fixture.start({
    ...destination(plan, s3),
    SESSION_AGENT_COMMAND: program('agent-scribbles', plan.agentSeed, cutEveryMs(plan)),
    SESSION_JOURNAL_INTERVAL: `${plan.intervalMs}ms`,
    KILLS_SESSION: marker,
  });
  await session.logged('"event":"process_started","child":"agent"');
  const ending = new AbortController();
  const breaking = breakConnections(plan, s3, ending.signal);
  await setTimeout(plan.livesMs);
  const killedAtMs = await killSession(session, `KILLS_SESSION=${marker}`, dirname(fixture.workdir));
  ending.abort();
  await breaking;
  return { session, killedAtMs };
}

/** A log that is cut before it was seen to grow is journaled as a rewritten file, less often. */
function cutEveryMs({ intervalMs }: Plan): number {
  return 2 * (intervalMs + SCAN_MS);
}

function destination({ kind }: Plan, s3: S3Server): Record<string, string> {
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
const EXIT_NO_JOURNAL = 64;

/** Recovers until it is done: some recoveries are killed, some meet faults of the store, the last one does not. */
async function recover(plan: Plan, fixture: SessionFixture, s3: S3Server) {
  const session = plan.kind === 's3' ? 's3://bucket/sessions/test' : join(fixture.sessions, 'test');
  const start = () => fixture.start(destination(plan, s3), 'recover', '--force', session);
  s3.setFaults(plan.recoveryFaults);
  let log = '';
  for (const afterMs of plan.recoveriesKilledAfterMs) {
    const killed = start();
    await Promise.race([setTimeout(afterMs), killed.ended()]);
    killed.signal('SIGKILL');
    await killed.ended();
    log += outputOf(killed);
  }
  const mayFail = plan.recoveriesKilledAfterMs.length > 0 || plan.recoveryFaults.length > 0;
  const first = start();
  let { code } = await first.ended();
  log += outputOf(first);
  s3.setFaults([]);
  if (code !== 0 && mayFail) {
    const last = start();
    ({ code } = await last.ended());
    log += outputOf(last);
  }
  const isDone = code === 0 || code === EXIT_NO_JOURNAL;
  const { archives, journal } = await listSaved(fixture.sessions, s3);
  return {
    archives,
    faults: [
      ...(isDone ? [] : [`recover ended with ${code}: ${log}`]),
      ...(archives.length > 1 ? [`there are ${archives.length} archives`] : []),
      ...journal.map(path => `recover has left ${path}`),
      ...(code === 0 && archives.length === 0 ? ['recover ended with 0, and there is no archive'] : []),
    ],
    log,
  };
}

/** @returns the folders, one for each archive. */
async function unpackAll(archives: readonly (readonly string[])[], parent: string): Promise<string[]> {
  const folders: string[] = [];
  for (const [index, archive] of archives.entries()) {
    const folder = join(parent, `recovered.${index}`);
    await unpack(archive, folder);
    folders.push(folder);
  }
  return folders;
}

function outputOf(session: RunningSupervisor): string {
  return `${session.stdout()}${session.stderr()}`;
}
