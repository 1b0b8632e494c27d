import type { SessionView } from './view.ts';

export type Listener = (view: SessionView) => void;

/** Who is notified when the view of a session changes. */
export interface Subscribers {
  /** @returns a function that ends the subscription */
  add(id: string, listener: Listener): () => void;
  isEmpty(): boolean;
  /** Calls the listeners of the sessions whose view has changed since the last call. */
  notify(views: readonly SessionView[]): void;
}

export function createSubscribers(): Subscribers {
  const subscribers = new Map<string, Set<Listener>>();
  /** By session: the last view, as JSON. */
  const lastSent = new Map<string, string>();

  return {
    add(id, listener) {
      const listeners = subscribers.get(id) ?? new Set();
      subscribers.set(id, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) subscribers.delete(id);
      };
    },

    isEmpty: () => subscribers.size === 0,

    notify(views) {
      for (const view of views) {
        const listeners = subscribers.get(view.id);
        if (listeners === undefined) continue;
        // As long as somebody is there it is longer at each look, which is no news.
        const json = JSON.stringify({ ...view, presentMs: undefined });
        if (lastSent.get(view.id) === json) continue;
        lastSent.set(view.id, json);
        for (const listener of listeners) listener(view);
      }
      const ids = new Set(views.map(({ id }) => id));
      for (const id of lastSent.keys()) if (!ids.has(id)) lastSent.delete(id);
    },
  };
}
