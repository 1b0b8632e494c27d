import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { canMountFuse, type UserMount, userMount } from '../support/dead-mount.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { openSessionFixture, type RunningSupervisor, type SessionFixture } from '../support/session.ts';
import { sessionProcesses } from '../support/session-processes.ts';
import { type Evidence, readSaved, type SentSignal } from './evidence.ts';
import { isLast, openOutput } from './output.ts';
import type { Moment, Plan, Stop } from './plan.ts';

/** SESSION_STOP_TIMEOUT: from the first signal to the end. */
export const STOP_TIMEOUT_MS = 6_000;

/** SESSION_SAVE_TIMEOUT of a session that cannot save. */
const SAVE_TIMEOUT_MS = 3_000;

/** A session that still runs then would never end. */
const STUCK_MS = 60_000;

/** Runs one session with the real supervisor, and collects what it leaves. */
export async function runPlan(plan: Plan): Promise<Evidence> {
  await using fixture = await openSessionFixture();
  // What a run that was broken off has left may still ask at a port that is ours now.
  const s3 = await startS3Server({ accessKeys: [randomUUID()], faults: plan.store.faults });
  try {
    return await runSession(plan, fixture, s3);
  } finally {
    await s3.close();
  }
}

async function runSession(plan: Plan, fixture: SessionFixture, s3: S3Server): Promise<Evidence> {
  const folder = dirname(fixture.workdir);
  const marker = randomUUID();
  using output = openOutput(plan.output, fixture);
  using mount = silentMount(plan, fixture);
  const supervisor = fixture.startBy([...output.launcher, ...(mount?.launcher ?? [])], {
    ...(await environment(plan, fixture, s3)),
    SOAK_SESSION: marker,
  });
  const session = { ...supervisor, log: () => output.log(supervisor) };
  const ended = once(session.process, 'exit').then(() => performance.now());
  const breaking = breakConnections(plan, session, s3);
  const silencing = goSilent(mount, session);
  const signals = sendAll(plan.stops, session);
  const killing = new AbortController();
  void setTimeout(STUCK_MS, undefined, { signal: killing.signal, ref: false }).then(
    () => session.signal('SIGKILL'),
    () => undefined,
  );

  const endedAtMs = await ended;
  // Listed before anything else: a process that ends by itself a moment later has outlived the session all the same.
  const left = await sessionProcesses(`SOAK_SESSION=${marker}`, folder);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  const { code, signal: killedBy } = await session.ended();
  killing.abort();
  await breaking;
  await silencing;
  const saved = await readSaved(folder, s3);
  return {
    code,
    killedBy,
    log: session.log(),
    report: output.report(supervisor) ?? saved.reports[0],
    stderr: session.stderr(),
    signals: await signals,
    endedAtMs,
    processesLeft: left.map(({ pid, name }) => `${pid} ${name}`),
    uploadsLeft: s3.uploads().length,
    ...saved,
  };
}

/** A supervisor whose log is known, wherever it goes. */
interface Session extends RunningSupervisor {
  log(): string;
}

function silentMount({ store, hasSilentMount }: Plan, fixture: SessionFixture): UserMount | undefined {
  if (!canMountFuse) return undefined;
  if (hasSilentMount) return userMount(join(fixture.workdir, 'shared'));
  return store.kind === SILENT ? userMount(mountedAt(fixture)) : undefined;
}

const SILENT = 'a mount that goes silent';

function mountedAt({ sessions }: SessionFixture): string {
  return join(dirname(sessions), 'mounted');
}

async function goSilent(mount: UserMount | undefined, session: Session): Promise<void> {
  if (mount !== undefined && (await reaches('starting', session))) await mount.stopAnswering();
}

async function environment(
  { setup, server, agent, store, limits, grace, journal }: Plan,
  fixture: SessionFixture,
  s3: S3Server,
) {
  if (store.kind === 'a file is in the way') await writeFile(fixture.sessions, 'a file, not a folder');
  const failsToSave = store.archive === 'lost' || store.hasFallback;
  return {
    ...(setup === undefined ? {} : { SESSION_SETUP_COMMAND: setup.command(fixture.port) }),
    SESSION_SERVER_COMMAND: server.command(fixture.port),
    SESSION_AGENT_COMMAND: agent.command(fixture.port),
    SESSION_STOP_GRACE: grace,
    SESSION_JOURNAL_INTERVAL: journal,
    SESSION_STOP_TIMEOUT: `${STOP_TIMEOUT_MS}ms`,
    SESSION_LOG_LEVEL: 'debug',
    ...server.env,
    ...limits,
    ...destination(store.kind, fixture, s3),
    ...(failsToSave ? { SESSION_SAVE_TIMEOUT: `${SAVE_TIMEOUT_MS}ms` } : {}),
    ...(store.hasFallback
      ? { SESSION_FALLBACK_DESTINATION: join(dirname(fixture.sessions), 'fallback') }
      : {}),
  };
}

function destination(kind: Plan['store']['kind'], fixture: SessionFixture, s3: S3Server) {
  const { sessions } = fixture;
  switch (kind) {
    case 's3':
      return s3Environment(s3);
    case 'nobody listens':
      return s3Environment({ url: 'http://127.0.0.1:1' });
    case 'inside':
      return { SESSION_DESTINATION: undefined, CRAFTASSIST_NO_UPLOAD: '1' };
    case 'no folder can be made':
      return { SESSION_DESTINATION: '/proc/soak' };
    case SILENT:
      return { SESSION_DESTINATION: canMountFuse ? join(mountedAt(fixture), 'sessions') : '/proc/soak' };
    case 'folder':
    case 'a file is in the way':
      return { SESSION_DESTINATION: sessions };
    default:
      return kind satisfies never;
  }
}

async function breakConnections({ store }: Plan, session: Session, s3: S3Server): Promise<void> {
  if (store.breaksAfterMs === undefined || !(await reaches('saving', session))) return;
  await setTimeout(store.breaksAfterMs);
  s3.breakConnections();
}

/** Sends each signal at its moment; one whose moment never comes is not sent, nor are those after it. */
async function sendAll(stops: readonly Stop[], session: Session): Promise<readonly SentSignal[]> {
  const sent: SentSignal[] = [];
  for (const stop of stops) {
    if (stop.after !== 'signal' && !(await reaches(stop.after, session))) break;
    if (stop.delayMs > 0) await setTimeout(stop.delayMs);
    if (hasEnded(session)) break;
    sent.push({ ...stop, atMs: performance.now() });
    session.signal(stop.signal);
  }
  return sent;
}

/** Waits for a moment. @returns false when the session has ended without it. */
function reaches(moment: Moment, session: Session): Promise<boolean> {
  return new Promise(resolve => {
    const check = () => {
      const isReached = hasReached(moment, session.log());
      if (!isReached && !hasEnded(session)) return;
      clearInterval(looking);
      resolve(isReached);
    };
    // Where it goes into a file nobody tells of it.
    const looking = setInterval(check, 20);
    session.process.stdout?.on('data', check);
    session.process.once('exit', check);
    check();
  });
}

/** Whether a log shows that the session has reached a moment. */
export function hasReached(moment: Moment, log: string): boolean {
  switch (moment) {
    case 'spawn':
      return true;
    case 'begin':
      return log.includes('"event":"session_started"');
    case 'over':
      return isLast(log);
    default:
      return log.includes(`"phase":"${moment}"`);
  }
}

function hasEnded({ process }: RunningSupervisor): boolean {
  return process.exitCode !== null || process.signalCode !== null;
}
