import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { openSessionFixture, type RunningSupervisor, type SessionFixture } from '../support/session.ts';
import { type Found, findSaved } from './found.ts';
import { leftovers } from './leftovers.ts';
import type { Moment, Plan, Stop } from './plan.ts';

/** SESSION_STOP_TIMEOUT: from the first signal to the end. */
export const STOP_TIMEOUT_MS = 6_000;

/** What a session that failed to save may take for it. */
const SAVE_TIMEOUT_MS = 3_000;

/** A session that is still there then will always be. */
const STUCK_MS = 60_000;

export interface Evidence extends Found {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly signals: readonly Sent[];
  readonly endedAtMs: number;
  /** The processes that it has left behind: they are dead now. */
  readonly processesLeft: readonly string[];
  readonly uploadsLeft: number;
}

export interface Sent extends Stop {
  readonly atMs: number;
}

/** Plays one session with the real supervisor, and looks at what it leaves. */
export async function playPlan(plan: Plan): Promise<Evidence> {
  await using theatre = await openSessionFixture();
  const s3 = await startS3Server({ faults: plan.store.faults });
  try {
    const mark = `SOAK_SESSION=${randomUUID()}`;
    const env = {
      ...(await environment(plan, theatre, s3)),
      SOAK_SESSION: mark.slice('SOAK_SESSION='.length),
    };
    return await perform(plan, { theatre, s3, env, mark });
  } finally {
    await s3.close();
  }
}

interface Stage {
  readonly theatre: SessionFixture;
  readonly s3: S3Server;
  readonly env: Record<string, string | undefined>;
  readonly mark: string;
}

async function perform(plan: Plan, { theatre, s3, env, mark }: Stage): Promise<Evidence> {
  const session = theatre.start(env);
  const ended = once(session.process, 'exit').then(() => performance.now());
  const breaking = breakConnections(plan, session, s3);
  const signals = sendAll(plan.stops, session);
  const stuck = new AbortController();
  void setTimeout(STUCK_MS, undefined, { signal: stuck.signal, ref: false }).then(
    () => session.signal('SIGKILL'),
    () => undefined,
  );

  const endedAtMs = await ended;
  // Looked at before anything else: a process that dies by itself a moment later was left behind all the same.
  const left = await leftovers(mark, dirname(theatre.workdir));
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  const { code, signal: killedBy } = await session.ended();
  stuck.abort();
  await breaking;
  return {
    code,
    killedBy,
    stdout: session.stdout(),
    stderr: session.stderr(),
    signals: await signals,
    endedAtMs,
    processesLeft: left.map(({ pid, name }) => `${pid} ${name}`),
    uploadsLeft: s3.uploads().length,
    ...(await findSaved(theatre, s3)),
  };
}

async function environment(
  { setup, server, agent, store, limits, grace, journal }: Plan,
  theatre: SessionFixture,
  s3: S3Server,
) {
  if (store.kind === 'a file is in the way') await writeFile(theatre.sessions, 'a file, not a folder');
  const failsToSave = store.archive === 'lost' || store.hasFallback;
  return {
    ...(setup === undefined ? {} : { SESSION_SETUP_COMMAND: setup.command(theatre.port) }),
    SESSION_SERVER_COMMAND: server.command(theatre.port),
    SESSION_AGENT_COMMAND: agent.command(theatre.port),
    SESSION_STOP_GRACE: grace,
    SESSION_JOURNAL_INTERVAL: journal,
    SESSION_STOP_TIMEOUT: `${STOP_TIMEOUT_MS}ms`,
    SESSION_LOG_LEVEL: 'debug',
    ...server.env,
    ...limits,
    ...places(store.kind, theatre, s3),
    ...(failsToSave ? { SESSION_SAVE_TIMEOUT: `${SAVE_TIMEOUT_MS}ms` } : {}),
    ...(store.hasFallback
      ? { SESSION_FALLBACK_DESTINATION: join(dirname(theatre.sessions), 'fallback') }
      : {}),
  };
}

function places(kind: Plan['store']['kind'], { sessions }: SessionFixture, { url }: S3Server) {
  const s3 = (endpoint: string) => ({
    SESSION_DESTINATION: 's3://bucket/soak',
    SESSION_S3_PATH_STYLE: '1',
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDSOAK',
    AWS_SECRET_ACCESS_KEY: 'soak',
  });
  switch (kind) {
    case 's3':
      return s3(url);
    case 'nobody listens':
      return s3('http://127.0.0.1:1');
    case 'inside':
      return { SESSION_DESTINATION: undefined, CRAFTASSIST_NO_UPLOAD: '1' };
    case 'no folder can be made':
      return { SESSION_DESTINATION: '/proc/soak' };
    case 'folder':
    case 'a file is in the way':
      return { SESSION_DESTINATION: sessions };
    default:
      return kind satisfies never;
  }
}

async function breakConnections({ store }: Plan, session: RunningSupervisor, s3: S3Server): Promise<void> {
  if (store.breaksAfterMs === undefined || !(await comes('saving', session))) return;
  await setTimeout(store.breaksAfterMs);
  s3.breakConnections();
}

/** Sends each signal when its moment has come; one whose moment never comes is not sent, nor is what follows it. */
async function sendAll(stops: readonly Stop[], session: RunningSupervisor): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  for (const stop of stops) {
    if (stop.after !== 'signal' && !(await comes(stop.after, session))) break;
    if (stop.delayMs > 0) await setTimeout(stop.delayMs);
    if (hasEnded(session)) break;
    sent.push({ ...stop, atMs: performance.now() });
    session.signal(stop.signal);
  }
  return sent;
}

/** Waits for a moment. @returns false when the session has ended without it. */
function comes(moment: Moment, session: RunningSupervisor): Promise<boolean> {
  return new Promise(resolve => {
    const look = () => {
      if (isPast(moment, session.stdout())) resolve(true);
      else if (hasEnded(session)) resolve(false);
    };
    session.process.stdout?.on('data', look);
    session.process.once('exit', look);
    look();
  });
}

/** Whether a log tells of a moment. */
export function isPast(moment: Moment, log: string): boolean {
  switch (moment) {
    case 'spawn':
      return true;
    case 'begin':
      return log.includes('"event":"session_started"');
    case 'over':
      return log.includes('"event":"session_finished"');
    default:
      return log.includes(`"phase":"${moment}"`);
  }
}

function hasEnded({ process }: RunningSupervisor): boolean {
  return process.exitCode !== null || process.signalCode !== null;
}
