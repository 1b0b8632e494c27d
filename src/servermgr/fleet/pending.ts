import type { Session } from '../launchers/launcher.ts';

/** A launch that is not listed after so long has failed without a word from the launcher. */
const PENDING_MS = 60_000;

/**
 * Launches of this instance that the launcher does not list yet: they are under way, or ECS has returned the task and
 * lists it a moment later. They count as sessions meanwhile.
 */
export interface PendingLaunches {
  add(session: Session): void;
  remove(id: string): void;
  has(id: string): boolean;
  /** Removes those that the launcher lists, in the same attempt or a later one. */
  removeListed(listed: readonly Session[]): void;
  /** The sessions that the launcher lists, a pending one in place of its earlier attempt, and the pending ones. */
  mergeWith(listed: readonly Session[]): readonly Session[];
}

export function createPendingLaunches(): PendingLaunches {
  const pending = new Map<string, { readonly session: Session; readonly sinceMs: number }>();

  return {
    add: session => void pending.set(session.id, { session, sinceMs: Date.now() }),
    remove: id => void pending.delete(id),
    has: id => pending.has(id),

    removeListed(listed) {
      for (const { id, attempt } of listed) {
        const launch = pending.get(id);
        if (launch !== undefined && attempt >= launch.session.attempt) pending.delete(id);
      }
    },

    mergeWith(listed) {
      const nowMs = Date.now();
      for (const [id, { sinceMs }] of pending) if (nowMs - sinceMs > PENDING_MS) pending.delete(id);
      const launched = [...pending.values()].map(({ session }) => session);
      return [...listed.filter(({ id }) => !pending.has(id)), ...launched];
    },
  };
}
