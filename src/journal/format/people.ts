import * as v from 'valibot';

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Who takes part in a session, as its journal's `status.json` tells whoever looks on: servermgr, above all. */
export const People = v.object({
  /** In the game and at the dashboard; who is at both counts twice. */
  present: Count,
  /** Those at the dashboard. */
  dashboard: Count,
  /** Whether the agent is in the game; missing: connections do not tell, or there is none. */
  agentInGame: v.optional(v.boolean()),
  /** How many of them there were at most. */
  peak: Count,
});

export type People = Readonly<v.InferOutput<typeof People>>;

const Living = v.pipe(v.string(), v.parseJson(), v.object({ state: v.literal('writing'), people: People }));

/**
 * Reads of a `status.json` who takes part in its session now.
 * @returns undefined where that is over, or does not tell
 */
export function peopleIn(status: string): People | undefined {
  const parsed = v.safeParse(Living, status);
  return parsed.success ? parsed.output.people : undefined;
}
