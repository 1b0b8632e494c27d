import { timeoutSignal } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { Database } from '../database/database.ts';
import { type Entry, openParticipations, type Participations } from '../database/participations.ts';
import { openStudies, type Studies } from '../database/studies.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { SessionView } from '../fleet/view.ts';
import { createIdentities } from './identities.ts';
import { type Keeper, startKeeper } from './keeper.ts';
import type { Identity, Participation, Standing, Verified } from './participation.ts';
import type { Prolific } from './prolific.ts';
import type { Source, Study } from './study.ts';

export interface RecruitmentOptions {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly prolific: Prolific | undefined;
  /** How long any session may last at most. */
  readonly longestMs: number;
  /** Keys what the database has of people's ids. */
  readonly secret: string;
  readonly log: Log;
}

/** What becomes of somebody who has consented. */
export type Consented =
  | Entry
  /** The platform says that they do not take part. */
  | { readonly kind: 'not-eligible' };

/** Lets people into studies, and out of them. */
/** Somebody who has read a text, and agrees to it. */
export interface Arriving {
  readonly identity: Identity;
  /** Prolific's id of the study that the link was made for. */
  readonly prolificStudy: string | undefined;
  readonly textVersion: number;
}

export interface Recruitment extends Pick<Keeper, 'place' | 'follow'> {
  readonly studies: Studies;
  readonly participations: Participations;
  /** Somebody who takes part, as they were a moment ago; undefined: they do not, or not any more. */
  active(id: string): Participation | undefined;
  /** Where somebody stands who opens a link; nothing is begun by that. */
  standing(study: Study, identity: Identity): Promise<Standing>;
  /** Somebody has consented: they get a seat, if there is one. */
  consent(study: Study, arrival: Arriving): Promise<Consented>;
  /** Somebody has not consented. @param id of the page, so that a double click is one */
  refuse(study: Study, source: Source, id: string): Promise<void>;
  /** They have read the instructions, and wait for a session from now on. */
  begin(participation: Participation): Promise<void>;
  /** They end their session. */
  end(participation: Participation): Promise<void>;
  /** They do not wait any longer: with a code, if it was as long as the study allows. */
  leave(study: Study, participation: Participation): Promise<void>;
  /** Their session; undefined: they have none. @throws when it cannot be looked up */
  sessionOf(participation: Participation): Promise<SessionView | undefined>;
  /** Their page is open. */
  noteSeen(participation: Participation): Promise<void>;
  close(): Promise<void>;
}

const VERIFY_TIMEOUT_MS = 6_000;
/** What a page that reloads itself notes at most so often. */
const NOTE_SEEN_MS = 10_000;

export function openRecruitment(options: RecruitmentOptions): Recruitment {
  const { database, fleet, prolific, secret } = options;
  const studies = openStudies(database);
  const participations = openParticipations(database);
  const identities = createIdentities(secret);
  const keeper = startKeeper({ ...options, studies, participations, identities });

  async function verify({ identity, prolificStudy }: Arriving): Promise<Verified | 'refused'> {
    const { source, person, submission } = identity;
    if (source !== 'prolific' || prolific === undefined || prolificStudy === undefined) return 'unasked';
    const expected = { participant: person, submission, study: prolificStudy };
    const verdict = await prolific.check(expected, timeoutSignal(VERIFY_TIMEOUT_MS));
    return verdict === 'unknown' ? 'unchecked' : verdict;
  }

  async function consent(study: Study, arriving: Arriving): Promise<Consented> {
    const { identity, textVersion } = arriving;
    const keys = identities.keysOf(identity);
    const standing = await participations.standing(study, keys);
    // Whoever takes part, or has, is known here: Prolific would say that their submission is over.
    const isNew = standing.kind === 'new' || (standing.kind === 'over' && standing.mayTryAgain);
    if (!isNew) return standing;
    const verified = await verify(arriving);
    if (verified === 'refused') return { kind: 'not-eligible' };
    const sealed = identities.seal(identity);
    return participations.admit(study, { identity, keys, sealed, verified, textVersion }, Date.now());
  }

  async function stopSession({ session }: Participation): Promise<void> {
    if (session !== undefined) await fleet.stop({ id: session }, 'visitor');
  }

  async function sessionOf({ session }: Participation): Promise<SessionView | undefined> {
    if (session === undefined) return undefined;
    return (await fleet.look(session)) ?? (await fleet.remember(session));
  }

  return {
    ...{ studies, participations, consent, sessionOf },
    place: keeper.place,
    active: id => keeper.active().find(each => each.id === id),
    follow: keeper.follow,

    standing: (study, identity) => participations.standing(study, identities.keysOf(identity)),

    refuse: (study, source, id) => participations.refuse(study, { source, id }, Date.now()),

    async begin({ id }) {
      await participations.enqueue(id, Date.now());
      keeper.wake();
    },

    async end(participation) {
      await stopSession(participation);
      keeper.wake();
    },

    async leave(study, participation) {
      if (participation.state === 'over' || !(await isOverdue(study, participation))) return;
      const { id } = participation;
      if (!(await participations.end(study, id, 'waited-too-long', Date.now()))) return;
      // Its session may have been started in the same moment.
      await stopSession((await participations.find(id)) ?? participation);
      keeper.wake();
    },

    async noteSeen({ id, state, seenMs }) {
      const nowMs = Date.now();
      if (state !== 'over' && nowMs - seenMs > NOTE_SEEN_MS) await participations.noteSeen([id], nowMs);
    },

    close: keeper.close,
  };

  async function isOverdue(study: Study, participation: Participation): Promise<boolean> {
    const { queuedMs } = participation;
    if (queuedMs === undefined || !isOverdueAt(study, queuedMs, Date.now())) return false;
    const view = await sessionOf(participation);
    return view === undefined || view.phase === 'starting';
  }
}

/** Whether somebody has waited for as long as the study lets them. */
export function isOverdueAt({ settings }: Study, queuedMs: number, nowMs: number): boolean {
  return nowMs - queuedMs >= settings.waitMinutes * 60_000;
}
