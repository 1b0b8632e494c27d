import { once } from 'node:events';
import { dirname } from 'node:path';
import { readTree } from '../support/known-files.ts';
import { openSessionFixture, program, type RunningSupervisor } from '../support/session.ts';
import { openFolderPlace } from './folder-place.ts';
import type { Place, StoredEvent, Trap } from './place.ts';
import { openS3Place } from './s3-place.ts';

/** What is left when everything of a session was killed. */
export interface Remains {
  readonly events: readonly StoredEvent[];
  /** The working directory as the kill has left it. */
  readonly workdir: ReadonlyMap<string, Buffer>;
}

/** A session's container and its destination. */
export interface World extends AsyncDisposable {
  readonly place: Place;
  readonly workdir: string;
  /** Starts a session. @param by the process's name @param agentMs how long its agent writes; default: several segments */
  startSession(by: string, agentMs?: number): RunningSupervisor;
  /** Recovers the session, whoever writes still: a writer meets the fence. */
  startRecovery(by: string): RunningSupervisor;
  /** What the process of that name has printed. */
  log(by: string): string;
  /** A folder for what is unpacked. */
  readonly scratch: string;
  /** Kills everybody. */
  end(): Promise<Remains>;
}

export type PlaceKind = 's3' | 'folder';

const AGENT_MS = 600;
const INTERVAL_MS = 100;

/**
 * @param before what an earlier world has left; undefined: nothing is there
 * @param trap the process that is killed, with all that it has started, and when
 */
export async function openWorld(kind: PlaceKind, before?: Remains, trap?: Trap): Promise<World> {
  const fixture = await openSessionFixture();
  const running = new Map<string, RunningSupervisor>();
  const events = before?.events ?? [];
  const scratch = dirname(fixture.workdir);
  const kill = async (by: string) => {
    const process = running.get(by)?.process;
    if (process === undefined || !process.kill('SIGKILL')) return;
    // Its children may hold its output open.
    await once(process, 'exit');
  };
  const place =
    kind === 's3'
      ? await openS3Place(events, trap, kill)
      : await openFolderPlace(fixture.sessions, scratch, events, trap);
  const start = (by: string, env: Record<string, string>, ...args: string[]) => {
    const process = fixture.start({ ...place.environment(by), ...env }, ...args);
    running.set(by, process);
    return process;
  };
  return {
    place,
    workdir: fixture.workdir,
    scratch,
    log: by => `${by}:\n${running.get(by)?.stdout() ?? ''}${running.get(by)?.stderr() ?? ''}`,
    startSession: (by, agentMs = AGENT_MS) =>
      start(by, {
        SESSION_AGENT_COMMAND: program('agent-writes-known', agentMs),
        SESSION_JOURNAL_INTERVAL: `${INTERVAL_MS}ms`,
      }),
    startRecovery: by => start(by, {}, 'recover', '--force', place.url),
    async end() {
      await fixture.killAll();
      return {
        events: await place.events(),
        workdir: before?.workdir ?? (await readTree(fixture.workdir)),
      };
    },
    async [Symbol.asyncDispose]() {
      await fixture.killAll();
      await place[Symbol.asyncDispose]();
      await fixture[Symbol.asyncDispose]();
    },
  };
}
