import type { SessionOrder } from '../fleet/order.ts';
import type { Participation } from './participation.ts';
import type { Study } from './study.ts';

/** How the platform names somebody: as it is, or as a keyed hash. */
export interface PlatformIds {
  readonly person: string;
  readonly submission: string;
}

/**
 * What the session of a participant gets besides what its world gives. Its archive's key has the study's number, and its
 * report the ids, so that whoever has the data alone knows of whom it is.
 * @param longestMs what any session may last at most
 */
export function orderFor(
  { number, settings }: Study,
  { id, participant, source }: Participation,
  ids: PlatformIds | undefined,
  longestMs: number,
): SessionOrder {
  const labels = {
    study: String(number),
    ...(participant !== undefined && { participant }),
    participation: id,
    source,
    ...ids,
  };
  const seconds = Math.ceil(Math.min(settings.lengthMinutes * 60_000, longestMs) / 1_000);
  return {
    agent: settings.agent,
    env: {
      // Readers of archives want digits.
      TURK_EXPERIMENT_ID: String(number),
      SESSION_LABELS: JSON.stringify(labels),
      SESSION_MAX_DURATION: `${seconds}s`,
      ...(settings.minecraftNames && { SESSION_REPORT_NAMES: '1' }),
    },
  };
}
