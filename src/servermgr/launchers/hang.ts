import * as v from 'valibot';
import { duration } from '../../config/values.ts';

/** How much longer than its stop timeout a session may take to end before it is taken for hung. */
export const HANG_MARGIN_MS = 30_000;

/** Of a session that says nothing of it: what a manager gives its sessions by default. */
export const USUAL_STOP_TIMEOUT_MS = 120_000;

/** Within which time a session ends that was asked to. @param env its environment */
export function stopTimeoutOf(env: Readonly<Record<string, string>>): number {
  const { success, output } = v.safeParse(duration, env.SESSION_STOP_TIMEOUT);
  // A supervisor that is given another text says what is wrong with it, and starts nothing.
  return success ? output : USUAL_STOP_TIMEOUT_MS;
}
