import { within } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { Participations } from '../database/participations.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Identities } from './identities.ts';
import { orderFor, type PlatformIds } from './order.ts';
import type { Participation } from './participation.ts';
import type { Study } from './study.ts';

export interface LaunchingOptions {
  readonly fleet: Fleet;
  readonly participations: Participations;
  readonly identities: Identities;
  /** How long any session may last at most. */
  readonly longestMs: number;
  readonly log: Log;
}

/** Gives those who wait a session, as long as the fleet has places. */
export interface Launching {
  /** @param queue the first one is the next */
  launch(queue: readonly Participation[], studies: ReadonlyMap<number, Study>): Promise<void>;
}

/** So many launches go on at once. */
const AT_ONCE = 5;
/** A launch that has failed is tried again so much later, and so often in all. */
const RETRY_MS = 10_000;
const MAX_FAULTS = 3;
/** Launches that take longer go on by themselves: others are looked after meanwhile. */
const PATIENCE_MS = 2_000;

export function createLaunching(options: LaunchingOptions): Launching {
  const { fleet, participations, identities, longestMs, log } = options;
  /** By id: those that are being launched, and when those that have failed may be tried again. */
  const busy = new Set<string>();
  const faults = new Map<string, { readonly count: number; readonly retryMs: number }>();

  async function launchOne(study: Study, participation: Participation): Promise<void> {
    const { id, launches } = participation;
    // Another instance may have begun the same request: it leads to the same session.
    const request = { visitor: `participation ${id}`, token: String(launches), network: undefined };
    const who = `participation ${id}`;
    const order = orderFor(study, participation, platformIds(study, participation), longestMs);
    const result = await fleet.launch({ ...request, who, world: study.settings.world, order });
    if ('id' in result) {
      faults.delete(id);
      // Whoever has left meanwhile needs none.
      if (!(await participations.assign(participation, result.id)))
        await fleet.stop({ id: result.id }, 'visitor');
      return;
    }
    if (result.kind === 'unknown-world' || result.kind === 'unknown-agent')
      return fail(study, participation, result.kind);
    // Its request is used up; of all others nothing was begun, and they are repeated as they are.
    if (result.kind === 'no-capacity') await participations.noteFailedLaunch(participation);
    if (result.kind !== 'full') noteFault(id, 0);
  }

  /** As the study keeps them. */
  function platformIds({ settings }: Study, { sealed }: Participation): PlatformIds | undefined {
    const identity = sealed === undefined ? undefined : identities.unseal(sealed);
    if (identity === undefined) return undefined;
    const { person, submission } = identity;
    if (settings.ids === 'plain') return { person, submission };
    const { personKey, submissionKey } = identities.keysOf(identity);
    return { person: personKey, submission: submissionKey };
  }

  async function fail(study: Study, { id }: Participation, why: string): Promise<void> {
    log.error(
      { event: 'participation_failed', study: study.number, participation: id, why },
      'a participant could be given no session',
    );
    faults.delete(id);
    await participations.end(study, id, 'technical', Date.now());
  }

  function noteFault(id: string, count: number): void {
    faults.set(id, { count, retryMs: performance.now() + RETRY_MS });
  }

  async function attempt(study: Study, participation: Participation): Promise<void> {
    const { id } = participation;
    busy.add(id);
    try {
      await launchOne(study, participation);
    } catch (error) {
      const count = (faults.get(id)?.count ?? 0) + 1;
      log.warn(
        { event: 'participation_launch_failed', err: error, study: study.number, participation: id, count },
        'the session of a participant could not be launched',
      );
      noteFault(id, count);
      await participations.noteFailedLaunch(participation);
      if (count >= MAX_FAULTS) await fail(study, participation, 'launches fail');
    } finally {
      busy.delete(id);
    }
  }

  function unwritten(error: unknown): void {
    log.warn({ event: 'database_away', err: error }, 'how a launch went could not be written down');
  }

  return {
    async launch(queue, studies) {
      const waiting = new Set(queue.map(({ id }) => id));
      for (const id of faults.keys()) if (!waiting.has(id)) faults.delete(id);
      const due = queue
        .filter(({ id }) => !busy.has(id) && (faults.get(id)?.retryMs ?? 0) <= performance.now())
        .slice(0, Math.min(AT_ONCE - busy.size, fleet.freePlaces()));
      const attempts = due.flatMap(participation => {
        const study = studies.get(participation.study);
        return study === undefined ? [] : [attempt(study, participation).catch(unwritten)];
      });
      if (attempts.length > 0) await within(PATIENCE_MS, Promise.all(attempts));
    },
  };
}
