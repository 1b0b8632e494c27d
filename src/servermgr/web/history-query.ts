import * as v from 'valibot';
import type { HistoryFilter } from '../database/history-table.ts';
import { isSessionName, nameOf } from '../session-id.ts';

/** The filters of the history, as they are in URLs, where an empty one counts as none. */
export interface HistoryFields {
  readonly session?: string | undefined;
  readonly world?: string | undefined;
  readonly phase?: string | undefined;
  readonly end?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly note?: string | undefined;
  readonly study?: string | undefined;
  readonly participant?: string | undefined;
  /** Goes on after the session of that name. */
  readonly before?: string | undefined;
}

export const PHASES = ['starting', 'ready', 'ending', 'ended', 'failed'] as const;

export type HistoryQuery =
  | { readonly kind: 'filter'; readonly filter: HistoryFilter; readonly fields: HistoryFields }
  /** @param fault a sentence that says what to do */
  | { readonly kind: 'fault'; readonly fault: string; readonly fields: HistoryFields };

const DAY_MS = 86_400_000;
const MAX_TEXT = 200;

const Given = (message: string) =>
  v.pipe(
    v.string(`${message} It may be given once.`),
    v.trim(),
    v.maxLength(MAX_TEXT, `${message} It has at most ${MAX_TEXT} characters.`),
    v.check(text => !/\p{Cc}/u.test(text), `${message} It has no control characters.`),
  );

/** A text, or nothing where it is missing or empty. */
function field(name: string, check?: (text: string) => boolean, help = '') {
  const message = `“${name}” is not understood.`;
  const Text = v.pipe(
    Given(message),
    v.check(text => text === '' || check === undefined || check(text), `${message} ${help}`),
    v.transform(text => text || undefined),
  );
  return v.optional(Text);
}

const isDay = (text: string) =>
  v.is(v.pipe(v.string(), v.isoDate()), text) && !Number.isNaN(Date.parse(text));
const isSession = (text: string) => isSessionName(text) || nameOf(text) !== undefined;

const Fields = v.strictObject(
  {
    session: field('session', isSession, 'It is a session’s whole name, as lists show it, or its id.'),
    world: field('world'),
    phase: field('phase', text => PHASES.some(phase => phase === text), `It is one of ${PHASES.join(', ')}.`),
    end: field('end', text => /^[a-z-]+$/.test(text), 'It is one of those in the list.'),
    from: field('from', isDay, 'It is a day, like 2026-11-28.'),
    to: field('to', isDay, 'It is a day, like 2026-11-28.'),
    note: field('note'),
    study: field('study', text => /^[1-9]\d{0,8}$/.test(text), 'It is the number of a study.'),
    participant: field(
      'participant',
      text => /^P-[A-Z0-9]{10}$/.test(text),
      'It is a pseudonym, like P-ABCDEFGHJK.',
    ),
    before: field('before', isSessionName, 'It is the name of a session: begin anew, without it.'),
  },
  issue => `There is no filter ${String(issue.received)}: leave it out.`,
);

/** Reads the query of a URL. Days are UTC's, and the last one counts whole. */
export function readHistoryQuery(query: unknown): HistoryQuery {
  const parsed = v.safeParse(Fields, query);
  if (!parsed.success) return { kind: 'fault', fault: parsed.issues[0].message, fields: textsIn(query) };
  const { session, world, phase, end, from, to, note, study, participant } = parsed.output;
  // An id is a secret: links name its session.
  const name = session === undefined ? undefined : (nameOf(session) ?? session);
  const fields = { ...parsed.output, session: name };
  const filter = {
    ...{ name, world, phase, note, participant, endReason: end },
    study: study === undefined ? undefined : Number(study),
    fromMs: from === undefined ? undefined : Date.parse(from),
    untilMs: to === undefined ? undefined : Date.parse(to) + DAY_MS,
  };
  return { kind: 'filter', filter, fields };
}

/** What was given, to be corrected. */
function textsIn(query: unknown): HistoryFields {
  const entries = Object.entries(query ?? {}).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(entries);
}

/** The query of a URL that has these filters; what is undefined here is left out. */
export function historySearch(fields: HistoryFields): string {
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const text = new URLSearchParams(given).toString();
  return text === '' ? '' : `?${text}`;
}
