import * as v from 'valibot';
import { People } from '../../journal/format/people.ts';
import type { SavedReport } from '../../report/saved-report.ts';
import type { Observation } from '../fleet/observation.ts';
import type { SessionOrder } from '../fleet/order.ts';
import { type SessionState, STOP_REASONS } from '../launchers/launcher.ts';

/*
 * What columns hold as JSON. An instance of another version may have written it: what does not fit counts as unknown,
 * and is found out anew.
 */

/** JSON has no undefined. */
const maybe = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.pipe(
    v.optional(v.nullable(schema), null),
    v.transform((value): v.InferOutput<Schema> | undefined => value ?? undefined),
  );

const Address = v.object({ host: v.string(), port: v.number() });
const Stopped = maybe(v.picklist(STOP_REASONS));

const State = v.variant('phase', [
  v.object({ phase: v.literal('requested') }),
  v.object({ phase: v.literal('provisioned') }),
  v.object({
    phase: v.literal('running'),
    address: Address,
    pingAddress: Address,
    dashboard: maybe(v.object({ address: Address, probeAddress: Address })),
    sinceMs: maybe(v.number()),
  }),
  v.object({ phase: v.literal('ending'), stopped: Stopped }),
  v.object({
    phase: v.literal('ended'),
    atMs: maybe(v.number()),
    why: maybe(v.string()),
    exitCode: maybe(v.number()),
    stopped: Stopped,
    lackedCapacity: v.boolean(),
  }),
]) satisfies v.GenericSchema<unknown, SessionState>;

const Observed = v.object({
  fromStart: v.boolean(),
  progress: v.picklist([30, 50, 75, 90, 95, 100]),
  machineMs: maybe(v.number()),
  addressMs: maybe(v.number()),
  readyMs: maybe(v.number()),
  answeredMs: maybe(v.number()),
  silentMs: maybe(v.number()),
  version: maybe(v.string()),
  people: v.number(),
  told: maybe(People),
  everJoined: v.boolean(),
  everybodyLeftMs: maybe(v.number()),
  /** Missing in those of earlier versions. */
  peopleMs: v.optional(v.number(), 0),
  peopleSinceMs: maybe(v.number()),
}) satisfies v.GenericSchema<unknown, Observation>;

const Report = v.object({
  text: v.string(),
  by: maybe(v.string()),
  saved: v.string(),
  exitCode: maybe(v.number()),
  startedMs: maybe(v.number()),
  endedMs: maybe(v.number()),
  recoveredMs: maybe(v.number()),
  peak: maybe(v.number()),
  presentMs: maybe(v.number()),
  bot: maybe(v.string()),
  supervisor: maybe(v.string()),
  incomplete: v.array(v.string()),
  players: maybe(v.array(v.string())),
  archive: maybe(v.object({ key: v.string(), bytes: v.number() })),
}) satisfies v.GenericSchema<unknown, SavedReport>;

const Order = v.object({
  env: v.record(v.string(), v.string()),
  agent: maybe(v.string()),
}) satisfies v.GenericSchema<unknown, SessionOrder>;

/** @returns undefined when the text is none. */
export const readState = reader<SessionState>(State);
export const readObservation = reader<Observation>(Observed);
export const readOrder = reader<SessionOrder>(Order);
export const readReport = reader<SavedReport>(Report);

function reader<T>(schema: v.GenericSchema<unknown, T>): (text: string | null) => T | undefined {
  const Stored = v.pipe(v.string(), v.parseJson(), schema);
  return text => {
    const parsed = v.safeParse(Stored, text);
    return parsed.success ? parsed.output : undefined;
  };
}
