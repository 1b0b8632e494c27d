import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import type { RunningSupervisor } from '../support/session.ts';
import type { Trap } from './place.ts';
import type { PlaceKind, World } from './world.ts';

/** Names of processes. */
export const SESSION = 'session';
const RECOVERY = 'recovery';

/** What is done while a process is killed. */
export interface Scenario {
  readonly name: string;
  readonly kind: PlaceKind;
  /** The process that is killed at one point after the other. */
  readonly victim: string;
  /** Done once, and everybody killed: what it leaves is what each run finds. */
  readonly before?: {
    readonly run: (world: World) => Promise<void>;
    /** Who is killed in it. */
    readonly trap?: Trap;
  };
  /** Starts the victim, and whoever else is there, and waits until the victim has ended. */
  readonly run: (world: World) => Promise<void>;
}

/** When a part of a journal is deleted. */
const AMID_DELETION = {
  s3: 'after DeleteObjects',
  folder: 'before unlink .sessions/test/journal/N.tar.gz #2',
};

export const SCENARIOS: readonly Scenario[] = (['s3', 'folder'] as const).flatMap((kind): Scenario[] => [
  { name: `session-${kind}`, kind, victim: SESSION, run: world => ended(world.startSession(SESSION)) },
  {
    name: `recovery-${kind}`,
    kind,
    victim: RECOVERY,
    before: { run: killSession },
    run: world => ended(world.startRecovery(RECOVERY)),
  },
  {
    name: `deletion-${kind}`,
    kind,
    victim: RECOVERY,
    before: {
      run: world => ended(world.startSession(SESSION)),
      trap: { by: SESSION, at: AMID_DELETION[kind] },
    },
    run: world => ended(world.startRecovery(RECOVERY)),
  },
  { name: `taker-${kind}`, kind, victim: RECOVERY, run: takeOver },
  { name: `taken-${kind}`, kind, victim: SESSION, run: takeOver },
]);

/** A recovery takes the journal of a session that only looked dead, which goes on elsewhere; then that is stopped. */
async function takeOver({ startSession, startRecovery, place, workdir }: World): Promise<void> {
  const session = startSession(SESSION, ENDLESS_MS);
  const end = ended(session);
  const count = async (isWanted: (key: string) => boolean) =>
    [...(await place.objects()).keys()].filter(isWanted).length;
  await eventually(async () => isOver(session) || access(join(workdir, 'rotated.log.1')).then(() => true));
  // While it sends segments it is faster than who takes its journal.
  session.signal('SIGSTOP');
  const before = await count(isSegment);
  const recovery = startRecovery(RECOVERY);
  await eventually(async () => isOver(recovery) || (await count(isSegment)) > before);
  session.signal('SIGCONT');
  await ended(recovery);
  // One that was killed has put its fence, or has not.
  const sent = await count(isAnySegment);
  await eventually(async () => isOver(session) || (await count(isAnySegment)) > sent + 1);
  session.signal('SIGTERM');
  await end;
}

/** It is stopped. */
const ENDLESS_MS = 600_000;

function isOver({ process }: RunningSupervisor): boolean {
  return process.exitCode !== null || process.signalCode !== null;
}

/** Its children may hold its output open. */
async function ended(running: RunningSupervisor): Promise<void> {
  if (!isOver(running)) await once(running.process, 'exit');
}

/** When the agent has done all that it does once, and two more segments are there. */
export async function killSession({ startSession, place, workdir }: World): Promise<void> {
  const session = startSession(SESSION);
  await eventually(() => {
    if (isOver(session)) throw new Error(`the session is over: ${session.stdout()}${session.stderr()}`);
    return access(join(workdir, 'rotated.log.1')).then(() => true);
  });
  const count = async () => [...(await place.objects()).keys()].filter(isSegment).length;
  const before = await count();
  await eventually(async () => (await count()) >= before + 2);
  session.signal('SIGKILL');
  await ended(session);
}

export function isSegment(key: string): boolean {
  return /\/journal\/\d+\.tar\.gz$/.test(key);
}

/** Also of a journal that a session has begun when its first one was taken. */
function isAnySegment(key: string): boolean {
  return /\/journal(\.\d+)?\/\d+\.tar\.gz$/.test(key);
}
