/*
 * What the API takes and gives, as JSON Schema: requests are checked by it, answers hold no other fields, and the
 * OpenAPI document is made of it.
 */

const text = (description: string) => ({ type: 'string', description });
const textOrNull = (description: string) => ({ type: ['string', 'null'], description });
const moment = (description: string) => ({ type: 'string', format: 'date-time', description });
const momentOrNull = (description: string) => ({
  type: ['string', 'null'],
  format: 'date-time',
  description,
});

/** An object that has all of these fields. */
const object = <Properties extends Readonly<Record<string, object>>>(
  properties: Properties,
  required: readonly (keyof Properties)[] = Object.keys(properties),
) => ({ type: 'object', properties, required });

export const SESSION_SCHEMA = {
  $id: 'Session',
  ...object({
    id: text('names the session here; whoever knows it sees its page'),
    name: text("names it in logs, on /admin and at the destination: the last folder of its archive's key"),
    world: text('empty: only its report is left, which does not tell'),
    where: text('the process, container or task; empty: only its report is left'),
    phase: { type: 'string', enum: ['starting', 'ready', 'ending', 'ended', 'failed'] },
    progress: { type: 'integer', description: 'until it is ready: 30, 50, 75, 90, 95, 100' },
    page: text('the path of its page on this host'),
    address: textOrNull(
      'what players connect to, as Minecraft takes it; null: there is none yet, or any more',
    ),
    dashboard: textOrNull(
      "the URL of the agent's dashboard; null: there is none, or the session is not ready",
    ),
    version: textOrNull("Minecraft's; null: it has not answered yet"),
    people: { type: 'integer', description: 'how many are in the game just now' },
    agentInGame: { type: ['boolean', 'null'], description: 'null: that is not known' },
    requestedAt: moment('when its launch was requested'),
    readyAt: momentOrNull('when it was ready; null: it was not, or servermgr was not there'),
    costPerHour: { type: ['number', 'null'], description: 'in US dollars; null: that is not known' },
    ended: {
      description: 'null: it is alive',
      anyOf: [
        object({
          at: momentOrNull('null: that is not known'),
          text: text('how it ended, in plain words'),
          cause: textOrNull('the same in the words of what ran it, where it has left no report'),
          exitCode: {
            type: ['integer', 'null'],
            description: "the supervisor's; null: it has left no report",
          },
          incomplete: { type: 'array', items: text('what may be missing of it') },
          archive: {
            description: 'null: none has been saved, or not yet',
            anyOf: [
              object({
                bytes: { type: 'integer' },
                path: text('where it is, on this host, for the same token'),
              }),
              { type: 'null' },
            ],
          },
        }),
        { type: 'null' },
      ],
    },
  }),
} as const;

export const ERROR_SCHEMA = {
  $id: 'Error',
  ...object({ error: text('a fixed word'), message: text('what is wrong, in a sentence') }),
} as const;

const sessions = { type: 'array', items: { $ref: 'Session#' } };
const missing = {
  description: 'there when not all could be launched',
  ...object(
    {
      count: { type: 'integer', description: 'how many were not launched' },
      reason: text('full, over-budget, no-capacity, paused, failed, unknown-world or unknown-agent'),
      message: text('the same in plain words'),
      retryAfterSeconds: { type: 'integer', description: 'when the same request may bring them' },
    },
    ['count', 'reason', 'message'],
  ),
};

/** The answer to a launch request. */
export const LAUNCHED_SCHEMA = { $id: 'Launched', ...object({ sessions, missing }, ['sessions']) } as const;

/** The same when none could be launched. */
export const REFUSED_SCHEMA = {
  $id: 'Refused',
  ...object({ ...ERROR_SCHEMA.properties, sessions, missing }, ['error', 'message']),
} as const;

export const LIST_SCHEMA = { $id: 'Sessions', ...object({ sessions }) } as const;

/** Of one request. */
const MAX_COUNT = 100;

export const LAUNCH_BODY = {
  ...object(
    {
      world: { type: 'string', minLength: 1, maxLength: 200, description: "a world's id" },
      count: {
        type: 'integer',
        minimum: 1,
        maximum: MAX_COUNT,
        default: 1,
        description: 'how many sessions',
      },
    },
    ['world'],
  ),
  additionalProperties: false,
} as const;

export const LAUNCH_HEADERS = object(
  {
    'idempotency-key': {
      ...text(
        'a request with the key of an earlier one leads to the same sessions, and launches what was missing',
      ),
      minLength: 1,
      maxLength: 255,
    },
  },
  [],
);

export const SESSION_PARAMS = object({ id: text("the session's id") });

const day = (description: string) => ({
  type: 'string',
  description: `${description}, like 2026-11-28, by UTC`,
});

/** What an export is filtered by; history-query.ts checks it. */
export const EXPORT_QUERY = object(
  {
    session: text("a session's name, or its id"),
    world: text("a world's id"),
    phase: text('starting, ready, ending, ended or failed'),
    end: text('how it ended, as a fixed word: everybody-left, nobody-joined, admin, …'),
    from: day('the first day of its request'),
    to: day('the last day of its request'),
    note: text('a part of the text of a note'),
    study: text('the number of a study'),
    participant: text("a participant's pseudonym"),
  },
  [],
);

export const STUDY_PARAMS = object({ number: text("the study's number") });
