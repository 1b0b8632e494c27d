/** What visitors of this instance look at: it is looked at more often. */
export interface Attention {
  /** Somebody has looked at a page of a session. */
  note(id: string): void;
  /** Somebody has looked at pages that show them all. */
  noteAll(): void;
  /** Somebody follows a session. @returns a function that ends it */
  follow(id: string): () => void;
  /** The ids of those looked at, and `ALL`. */
  watched(): readonly string[];
}

/** Of a look at all sessions, in place of an id. */
export const ALL = '*';

/** A page without JavaScript reloads itself after 5 s at the latest. */
const LOOK_MS = 10_000;

export function createAttention(): Attention {
  const looks = new Map<string, number>();
  const followers = new Map<string, number>();
  const note = (id: string) => void looks.set(id, Date.now());

  return {
    note,
    noteAll: () => note(ALL),
    follow(id) {
      followers.set(id, (followers.get(id) ?? 0) + 1);
      return () => {
        const left = (followers.get(id) ?? 1) - 1;
        if (left === 0) followers.delete(id);
        else followers.set(id, left);
        note(id);
      };
    },
    watched() {
      const sinceMs = Date.now() - LOOK_MS;
      for (const [id, atMs] of looks) if (atMs < sinceMs) looks.delete(id);
      return [...new Set([...looks.keys(), ...followers.keys()])];
    },
  };
}
