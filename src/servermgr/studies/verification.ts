import type { Log } from '../../runtime/log.ts';
import type { Participations } from '../database/participations.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Identities } from './identities.ts';
import type { Participation } from './participation.ts';
import type { Prolific } from './prolific.ts';
import type { Study } from './study.ts';

export interface VerificationOptions {
  readonly fleet: Fleet;
  readonly participations: Participations;
  readonly identities: Identities;
  readonly prolific: Prolific | undefined;
  readonly log: Log;
}

/** Asks Prolific what has become of those who take part: a place that was given back is free for somebody else. */
export interface Verification {
  verify(
    active: readonly Participation[],
    studies: ReadonlyMap<number, Study>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** How often Prolific is asked about one submission, and about how many in one go. */
const EVERY_MS = 30_000;
const AT_ONCE = 5;

export function createVerification(options: VerificationOptions): Verification {
  const { fleet, participations, identities, prolific, log } = options;
  /** By id, by this process's clock: when Prolific was asked last. */
  const asked = new Map<string, number>();

  async function verifyOne(study: Study, participation: Participation, signal: AbortSignal): Promise<void> {
    const { id, session, verified, sealed } = participation;
    const identity = sealed === undefined ? undefined : identities.unseal(sealed);
    if (prolific === undefined || identity === undefined) return;
    const status = await prolific.status(identity.submission, signal);
    if (status === 'returned' || status === 'timed-out') {
      if (!(await participations.end(study, id, 'returned', Date.now()))) return;
      log.info(
        { event: 'participation_over', study: study.number, participation: id, outcome: 'returned' },
        `participation is over: Prolific says ${status}`,
      );
      // It may have been given to them in the same moment.
      const given = (await participations.find(id))?.session ?? session;
      if (given !== undefined) await fleet.stop({ id: given }, 'returned');
      return;
    }
    if (status === 'active' && verified === 'unchecked')
      await participations.noteVerified(id, 'confirmed', Date.now());
  }

  return {
    async verify(active, studies, signal) {
      if (prolific === undefined) return;
      const known = new Set(active.map(({ id }) => id));
      for (const id of asked.keys()) if (!known.has(id)) asked.delete(id);
      const due = active
        .filter(
          ({ id, source }) => source === 'prolific' && performance.now() - (asked.get(id) ?? 0) >= EVERY_MS,
        )
        .slice(0, AT_ONCE);
      await Promise.all(
        due.map(async participation => {
          asked.set(participation.id, performance.now());
          const study = studies.get(participation.study);
          if (study !== undefined) await verifyOne(study, participation, signal);
        }),
      );
    },
  };
}
