import { pause, timeoutSignal } from '../../runtime/abort.ts';
import type { Studies } from '../database/studies.ts';
import { createLaunching, type LaunchingOptions } from './launching.ts';
import { outcomeOf } from './outcome.ts';
import { isAbandoned, MORE_SESSIONS, type Participation, queueOf, SEEN_EVERY_MS } from './participation.ts';
import type { Study } from './study.ts';
import { createVerification, type VerificationOptions } from './verification.ts';

export interface KeeperOptions extends LaunchingOptions, VerificationOptions {
  readonly studies: Studies;
}

/** Looks after those who take part: every instance tells their pages what is new, and the one that observes acts. */
export interface Keeper {
  /** Those who take part just now, as they were a moment ago. */
  active(): readonly Participation[];
  /** The place in the queue, from 1 on; undefined: it does not wait. */
  place(id: string): number | undefined;
  /** Calls the listener when anything about a participation may have changed; its page counts as open meanwhile. */
  follow(id: string, listener: () => void): () => void;
  /** Looks at once, for something has changed. */
  wake(): void;
  close(): Promise<void>;
}

const TICK_MS = 1_000;
const VERIFY_TIMEOUT_MS = 15_000;
const RETENTION_EVERY_MS = 3_600_000;

export function startKeeper(options: KeeperOptions): Keeper {
  const { fleet, studies, participations, log } = options;
  const closing = new AbortController();
  const launching = createLaunching(options);
  const verification = createVerification(options);
  const followers = new Map<string, Set<() => void>>();
  let active: readonly Participation[] = [];
  let seenMs = Number.NEGATIVE_INFINITY;
  let forgottenMs = Number.NEGATIVE_INFINITY;
  let hasFailed = false;
  let verifying: Promise<void> | undefined;
  let waking = new AbortController();

  async function tick(): Promise<void> {
    active = await participations.active();
    for (const listeners of followers.values()) for (const listener of listeners) listener();
    await noteSeen();
    if (fleet.isObserver() && active.length > 0) await act();
    if (fleet.isObserver()) await forget();
  }

  async function noteSeen(): Promise<void> {
    if (followers.size === 0 || performance.now() - seenMs < SEEN_EVERY_MS) return;
    seenMs = performance.now();
    await participations.noteSeen([...followers.keys()], Date.now());
  }

  async function act(): Promise<void> {
    const all = new Map((await studies.all()).map(study => [study.number, study]));
    const nowMs = Date.now();
    const left = new Set<string>();
    for (const participation of active) {
      const study = all.get(participation.study);
      if (study !== undefined && (await settle(study, participation, nowMs))) left.add(participation.id);
    }
    active = active.filter(({ id }) => !left.has(id));
    await launching.launch(queueOf(active, nowMs), all);
    // Nobody waits for Prolific but those whom it is asked about.
    verifying ??= verify(all).finally(() => {
      verifying = undefined;
    });
  }

  async function verify(all: ReadonlyMap<number, Study>): Promise<void> {
    try {
      await verification.verify(active, all, timeoutSignal(VERIFY_TIMEOUT_MS, closing.signal));
    } catch (error) {
      if (!closing.signal.aborted)
        log.warn({ event: 'studies_unkept', err: error }, 'participants could not be verified');
    }
  }

  /** @returns whether it is over */
  async function settle(study: Study, participation: Participation, nowMs: number): Promise<boolean> {
    const { id, session } = participation;
    if (isAbandoned(participation, nowMs)) return participations.end(study, id, 'expired', nowMs);
    if (session === undefined) return false;
    const view = fleet.peek(session) ?? (await fleet.remember(session));
    const outcome = view === undefined ? undefined : outcomeOf(study, view, nowMs);
    if (outcome === undefined || view === undefined) return false;
    const isUnready =
      outcome === 'technical' && view.readyMs === undefined && view.ended?.stopped !== 'admin';
    if (isUnready && participation.unreadySessions < MORE_SESSIONS) {
      await participations.takeAway(participation);
      return false;
    }
    if (await participations.end(study, id, outcome, nowMs))
      log.info(
        { event: 'participation_over', study: study.number, participation: id, session: view.name, outcome },
        `participation is over: ${outcome}`,
      );
    return true;
  }

  /** What a study keeps of people for so many days alone. */
  async function forget(): Promise<void> {
    if (performance.now() - forgottenMs < RETENTION_EVERY_MS) return;
    forgottenMs = performance.now();
    for (const { number, settings } of await studies.all())
      if (settings.retentionDays !== undefined)
        await participations.forgetBefore(number, Date.now() - settings.retentionDays * 86_400_000);
  }

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      waking = new AbortController();
      try {
        await tick();
        hasFailed = false;
      } catch (error) {
        // What the database does not answer is done at a later look.
        if (!hasFailed && !closing.signal.aborted)
          log.warn({ event: 'studies_unkept', err: error }, 'participants cannot be looked after just now');
        hasFailed = true;
      }
      await pause(TICK_MS, AbortSignal.any([closing.signal, waking.signal]));
    }
  }

  const looping = loop();

  return {
    active: () => active,
    place(id) {
      const index = queueOf(active, Date.now()).findIndex(each => each.id === id);
      return index === -1 ? undefined : index + 1;
    },
    follow(id, listener) {
      const listeners = followers.get(id) ?? new Set();
      followers.set(id, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) followers.delete(id);
      };
    },
    wake: () => waking.abort(),
    async close() {
      closing.abort(new Error('the manager is closing'));
      await looping;
      await verifying;
    },
  };
}
