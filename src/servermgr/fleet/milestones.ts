import type { SessionView } from './view.ts';

/**
 * Tells when sessions become ready, and when they end, once each: of those that were not so far at a look of this
 * instance, or were requested since its start.
 */
export interface Milestones {
  note(views: readonly SessionView[]): void;
}

export interface MilestoneListener {
  onReady(view: SessionView): void;
  onEnd(view: SessionView): void;
}

interface Seen {
  readonly ready: boolean;
  readonly ended: boolean;
}

export function createMilestones(
  { onReady, onEnd }: MilestoneListener,
  startMs: number = Date.now(),
): Milestones {
  /** By id: what was seen at the last look. */
  const known = new Map<string, Seen>();

  return {
    note(views) {
      for (const view of views) {
        const { id, requestedMs } = view;
        const now = { ready: view.readyMs !== undefined, ended: view.ended !== undefined };
        const before = known.get(id) ?? (requestedMs >= startMs ? { ready: false, ended: false } : now);
        known.set(id, now);
        if (now.ready && !before.ready) onReady(view);
        if (now.ended && !before.ended) onEnd(view);
      }
      const ids = new Set(views.map(({ id }) => id));
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
}
