/** A stretch of time in which somebody at one address held connections to the dashboard. */
interface Visit {
  /** For how long connections were held, pauses apart. */
  readonly heldMs: number;
  /** When one was last seen to be held. */
  readonly lastMs: number;
}

/** Who is at the agent's dashboard, by address: how many people are behind one cannot be told. */
export type Visits = ReadonlyMap<string, Visit>;

export const noVisits: Visits = new Map();

/** Whoever stays for so long takes part; scanners, health checks and a launcher that looks whether it answers do not. */
const TAKES_PART_MS = 30_000;

/** A page that is loaded again, or a network that is gone for a moment: what comes then is the same visit. */
const PAUSE_MS = 10_000;

/**
 * The visits after one more look.
 * @param held addresses with a connection that was there at the look before as well
 * @param stepMs since the look before
 */
export function applyLook(
  visits: Visits,
  held: ReadonlySet<string>,
  { stepMs, atMs }: { readonly stepMs: number; readonly atMs: number },
): Visits {
  const kept = [...visits].filter(([, { lastMs }]) => atMs - lastMs <= PAUSE_MS);
  const before = new Map(kept);
  const now = Array.from(
    held,
    address => [address, { heldMs: (before.get(address)?.heldMs ?? 0) + stepMs, lastMs: atMs }] as const,
  );
  return new Map([...kept, ...now]);
}

/** How many addresses somebody is at who takes part, and how many anybody is at. */
export function countVisits(visits: Visits, atMs: number): { readonly now: number; readonly seen: number } {
  const present = [...visits.values()].filter(({ lastMs }) => lastMs === atMs);
  return { seen: present.length, now: present.filter(({ heldMs }) => heldMs >= TAKES_PART_MS).length };
}
