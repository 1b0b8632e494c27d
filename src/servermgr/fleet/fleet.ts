import type { ServermgrLimits, SessionSettings, World } from '../../config/servermgr-config.ts';
import type { Log } from '../../runtime/log.ts';
import {
  isAlive,
  type Launcher,
  type LaunchRequest,
  NoRoomError,
  type Session,
} from '../launchers/launcher.ts';
import type { Archives } from '../saved-sessions.ts';
import { nameOf, newId, pressMark, visitorMark } from '../session-id.ts';
import { newLookout, type Snapshot } from './monitor.ts';
import type { SessionView } from './view.ts';

export interface FleetOptions {
  readonly launcher: Launcher;
  readonly archives: Archives;
  readonly limits: Pick<ServermgrLimits, 'fleet' | 'launchTimeoutMs'>;
  readonly worlds: readonly World[];
  readonly session: SessionSettings;
  readonly log: Log;
}

export interface Press {
  /** The visitor's secret, out of his cookie. */
  readonly visitor: string;
  /** The form's token: the same for a double click, and for a repeat after a lost answer. */
  readonly token: string;
  readonly world: string;
}

/** What became of a press of the button. */
export type Pressed =
  | { readonly how: 'launched' | 'yours-already'; readonly id: string }
  | { readonly how: 'full'; readonly limit: number }
  | { readonly how: 'unknown-world' }
  | { readonly how: 'no-room'; readonly why: string };

export interface Fleet {
  /** What there is, at most so old. */
  look(maxAgeMs?: number): Promise<Snapshot>;
  press(press: Press): Promise<Pressed>;
  stop(view: SessionView, why: 'admin' | 'visitor'): Promise<void>;
  recover(name: string): Promise<void>;
  /** Tells every change of a session, until the returned function is called. */
  follow(id: string, listener: (view: SessionView) => void): () => void;
  close(): Promise<void>;
}

/** A press may rest on a look of this age: whatever this instance has started since then is counted anyway. */
const PRESS_AGE_MS = 2_000;

/** All sessions of one launcher: who may start one, and what is known of each. */
export function openFleet(options: FleetOptions): Fleet {
  const { launcher, archives, limits, worlds, session, log } = options;
  const lookout = newLookout({ ...options, relaunch: again });

  async function press({ visitor, token, world: worldId }: Press): Promise<Pressed> {
    const world = worlds.find(({ id }) => id === worldId);
    if (world === undefined) return { how: 'unknown-world' };
    const { fault } = await lookout.look(PRESS_AGE_MS);
    if (fault !== undefined) return { how: 'no-room', why: 'what is running cannot be looked up just now' };

    // Between the look and the reservation nothing waits: of 500 who press at once, each sees the ones before.
    const mark = visitorMark(visitor);
    const pressed = pressMark(visitor, token);
    const sessions = lookout.sessions();
    const known = sessions.find(one => one.press === pressed);
    if (known !== undefined) return { how: 'launched', id: known.id };
    const alive = sessions.filter(isAlive);
    const yours = alive.find(one => one.visitor === mark);
    if (yours !== undefined) return { how: 'yours-already', id: yours.id };
    if (alive.length >= limits.fleet) return { how: 'full', limit: limits.fleet };
    const request = requestFor(newId(Date.now()), { press: pressed, visitor: mark, world, attempt: 1 });
    lookout.expect(reservation(request));
    return launch(request);
  }

  async function launch(request: LaunchRequest): Promise<Pressed> {
    try {
      const started = await launcher.launch(request);
      if (started.id !== request.id) lookout.unexpect(request.id);
      lookout.expect(started);
      log.info(
        { event: 'session_launched', session: request.name, where: started.where, world: request.world },
        'session launched',
      );
      return { how: 'launched', id: started.id };
    } catch (error) {
      lookout.unexpect(request.id);
      log.warn({ event: 'launch_failed', err: error, session: request.name }, 'launch failed');
      if (error instanceof NoRoomError) return { how: 'no-room', why: error.message };
      throw error;
    }
  }

  /** A launch that found no machine is repeated under its old name; the press stays the same. */
  async function again({ id, press, visitor, world: worldId, attempt }: Session): Promise<void> {
    const world = worlds.find(one => one.id === worldId);
    if (world === undefined) return;
    const request = requestFor(id, { press, visitor, world, attempt: attempt + 1 });
    lookout.expect(reservation(request));
    await launch(request);
  }

  function requestFor(
    id: string,
    { world, ...rest }: Pick<LaunchRequest, 'press' | 'visitor' | 'attempt'> & { world: World },
  ): LaunchRequest {
    return {
      ...rest,
      id,
      name: nameOf(id) ?? id,
      world: world.id,
      env: { ...session.env, ...world.env },
    };
  }

  return {
    look: lookout.look,
    press,
    async stop(view, why) {
      const found = lookout.sessions().find(one => one.id === view.id);
      if (found === undefined || !isAlive(found) || found.state.phase === 'ending') return;
      log.info({ event: 'session_stop_requested', session: view.name, why }, `stop requested by ${why}`);
      await launcher.stop(found, why);
      await lookout.look(0);
    },
    async recover(name) {
      log.info({ event: 'recovery_requested', session: name }, 'recovery requested');
      const known = lookout.sessions().find(({ id }) => nameOf(id) === name);
      const force = known !== undefined && !isAlive(known);
      await launcher.recover({ name, url: archives.urlOf(name), force });
    },
    follow: lookout.follow,
    close: lookout.close,
  };
}

/** Takes its place in the fleet while the launch is under way. */
function reservation({ id, press, visitor, world, attempt }: LaunchRequest): Session {
  return {
    ...{ id, press, visitor, world, attempt },
    where: '',
    state: { phase: 'asked' },
    costPerHour: undefined,
  };
}
