import { STOP_REASONS, type StopReason } from '../launcher.ts';

/*
 * What happens to a container cannot be written into its labels; its name can be changed, and Docker keeps it unique:
 * `servermgr-<idempotency key>`, and once it was stopped `servermgr-<idempotency key>.<reason>.<when>`.
 */

/** That a session was asked to end, as the name of its container says it. */
export interface RequestedStop {
  readonly why: StopReason;
  /** undefined: an earlier version has asked, which did not write it down. */
  readonly atMs: number | undefined;
}

/** @param name of the container that runs */
export function stoppedName(name: string, why: StopReason, atMs: number): string {
  return `${name}.${why}.${atMs.toString(36)}`;
}

const STOPPED = new RegExp(`\\.(${STOP_REASONS.join('|')})(?:\\.([0-9a-z]+))?$`);

/** @param names as Docker lists them. @returns undefined: nobody has stopped it */
export function readStop(names: readonly string[]): RequestedStop | undefined {
  for (const name of names) {
    const [, given, at] = STOPPED.exec(name) ?? [];
    const why = STOP_REASONS.find(reason => reason === given);
    if (why !== undefined) return { why, atMs: at === undefined ? undefined : Number.parseInt(at, 36) };
  }
  return undefined;
}
