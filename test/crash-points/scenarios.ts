import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
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

/** A recovery takes the journal of a session that lives, and goes on elsewhere. */
async function takeOver({ startSession, startRecovery, place }: World): Promise<void> {
  const session = startSession(SESSION, TAKEN_MS);
  const end = ended(session);
  await eventually(
    async () => session.process.signalCode !== null || [...(await place.objects()).keys()].some(isSegment),
  );
  await ended(startRecovery(RECOVERY));
  await end;
}

/** Long enough for a recovery to take its journal, and for some segments of the next one. */
const TAKEN_MS = 2_000;

/** Its children may hold its output open. */
async function ended({ process }: ReturnType<World['startSession']>): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
}

/** When the agent has done all that it does once, and two more segments are there. */
export async function killSession({ startSession, place, workdir }: World): Promise<void> {
  const session = startSession(SESSION);
  await eventually(() => access(join(workdir, 'rotated.log.1')).then(() => true));
  const count = async () => [...(await place.objects()).keys()].filter(isSegment).length;
  const before = await count();
  await eventually(async () => (await count()) >= before + 2);
  session.signal('SIGKILL');
  await ended(session);
}

export function isSegment(key: string): boolean {
  return /\/journal\/\d+\.tar\.gz$/.test(key);
}
