import * as v from 'valibot';

/** The sites that people are found at. */
export const PLATFORMS = ['prolific', 'mturk'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** Where somebody comes from. Signed links work for each study: for those who are invited, for oneself, and for pilots. */
export const SOURCES = [...PLATFORMS, 'link'] as const;
export type Source = (typeof SOURCES)[number];

/** What becomes of somebody who wants to take part, with a code of its own for each. */
export const CODED_OUTCOMES = [
  /** Somebody was there for as long as the study wants. */
  'finished',
  /** The session ended before that, by its participant or because nobody came. */
  'incomplete',
  'no-consent',
  /** No server in the time that the study lets people wait. */
  'waited-too-long',
  /** The session did not start, or was lost. */
  'technical',
  /** All seats were taken. */
  'surplus',
] as const;

/** The same, and what leaves nobody behind who could read a code. */
export const OUTCOMES = [
  ...CODED_OUTCOMES,
  /** The platform has taken the place back. */
  'returned',
  /** The page was closed before a session was started. */
  'expired',
] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type CodedOutcome = (typeof CODED_OUTCOMES)[number];

const Code = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^[A-Za-z0-9_-]{0,64}$/, 'a code has up to 64 letters, digits, "-" and "_"'),
);
const Minutes = (least: number, most: number, what: string) =>
  v.pipe(
    v.number(`${what} is no number of minutes`),
    v.minValue(least, `${what} is ${least} minutes at least`),
    v.maxValue(most, `${what} is ${most} minutes at most`),
  );
const Count = (least: number, most: number, what: string) =>
  v.pipe(
    v.number(`${what} is no number`),
    v.integer(`${what} is a whole number`),
    v.minValue(least, `${what} is ${least} at least`),
    v.maxValue(most, `${what} is ${most} at most`),
  );
const maybe = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(schema);

const DAY_MINUTES = 1_440;

/** What researchers decide about a study. Times of day and length are minutes, moments milliseconds since the epoch. */
export const StudySettings = v.object({
  /** Where people are found, besides those who are sent links. */
  platforms: v.array(v.picklist(PLATFORMS)),
  world: v.pipe(v.string(), v.nonEmpty('no world is chosen')),
  /** One of SERVERMGR_AGENTS; undefined: that of all other sessions. */
  agent: maybe(v.string()),
  /** How long a session lasts at most. */
  lengthMinutes: Minutes(1, DAY_MINUTES, 'the length of a session'),
  /** For how long somebody has to be there so that a participation is finished. */
  minimumMinutes: Minutes(0, DAY_MINUTES, 'the time that somebody has to play'),
  /** How long somebody waits for a server before a way out is offered. */
  waitMinutes: Minutes(0, 120, 'the longest wait'),
  sessionsPerParticipant: Count(1, 1_000, 'the number of sessions of a participant'),
  /** How many participations may be finished or under way. */
  seats: Count(1, 100_000, 'the number of seats'),
  opensMs: maybe(v.number()),
  closesMs: maybe(v.number()),
  /** How ids of the platform are kept: as they are, or as keyed hashes alone. */
  ids: v.picklist(['plain', 'hashed']),
  /** Whether Minecraft names stand in reports and exports: they are personal data. */
  minecraftNames: v.boolean(),
  /** After so many days nothing is kept that leads to the person; undefined: it is kept until somebody deletes it. */
  retentionDays: maybe(Count(1, 3_650, 'the retention in days')),
  /** Prolific's own id of the study: links of other studies are refused; undefined: it is not looked at. */
  prolificStudy: maybe(
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{1,64}$/, "Prolific's study id has letters and digits alone")),
  ),
  codes: v.object({
    finished: Code,
    incomplete: Code,
    'no-consent': Code,
    'waited-too-long': Code,
    technical: Code,
    surplus: Code,
  } satisfies Record<CodedOutcome, typeof Code>),
});

export type StudySettings = Readonly<v.InferOutput<typeof StudySettings>>;

export interface Study {
  /** Its number: TURK_EXPERIMENT_ID of its sessions, and so a part of their archives' keys. */
  readonly number: number;
  readonly name: string;
  readonly settings: StudySettings;
  readonly textVersion: number;
  readonly linkKey: number;
  readonly closedMs: number | undefined;
  readonly createdMs: number;
}

export interface StudyTexts {
  readonly version: number;
  /** Markdown. */
  readonly consent: string;
  readonly instructions: string;
}

/** Whether people may come in now. */
export type Openness =
  | { readonly kind: 'open' }
  | { readonly kind: 'not-yet'; readonly fromMs: number }
  | { readonly kind: 'closed' };

export function opennessOf({ settings, closedMs }: Study, nowMs: number): Openness {
  const { opensMs, closesMs } = settings;
  if (closedMs !== undefined || (closesMs !== undefined && nowMs >= closesMs)) return { kind: 'closed' };
  return opensMs !== undefined && nowMs < opensMs ? { kind: 'not-yet', fromMs: opensMs } : { kind: 'open' };
}

/** The number that a text of an address is. @returns undefined: it is none */
export function studyNumber(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

/** The code that somebody enters at the platform; undefined: there is none for that. */
export function codeFor({ settings }: Study, outcome: Outcome): string | undefined {
  const coded = CODED_OUTCOMES.find(one => one === outcome);
  return coded === undefined ? undefined : settings.codes[coded] || undefined;
}
