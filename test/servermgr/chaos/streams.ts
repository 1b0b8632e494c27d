import type { Answer, Journal } from './journal.ts';

export interface Look {
  readonly id: string;
  readonly url: string;
  readonly network: string;
  /** Whether it is followed by events, or by reloading its page. */
  readonly events: boolean;
  readonly get: (path: string) => Promise<Answer | undefined>;
  readonly rest: (leastMs: number, mostMs: number) => Promise<void>;
  readonly endMs: number;
}

const STREAM_MS = 20_000;

/** Looks at a session until it is in such a phase. @returns the phase; `unknown`: it never was */
export async function follow(
  look: Look,
  journal: Journal,
  isOver: (phase: string) => boolean,
): Promise<string> {
  const { id, get, rest } = look;
  while (Date.now() < look.endMs) {
    const answer = await get(`/wait?q=${id}`);
    const phase = /data-phase="(\w+)"/.exec(answer?.page ?? '')?.[1];
    // An instance that has not read of it before the database went away says so.
    const isUnknown = answer?.status === 503 && titleOf(answer.page).includes('not known just now');
    if (answer !== undefined && phase === undefined && !isUnknown)
      journal.faults.push(`the page of ${id} has the answer ${answer.status} ${titleOf(answer.page)}`);
    if (answer !== undefined && phase !== undefined) {
      note(phase, answer.askedMs);
      if (isOver(phase)) return phase;
    }
    const streamed = look.events && answer !== undefined ? await stream() : undefined;
    if (streamed !== undefined) return streamed;
    await rest(1_500, 2_500);
  }
  journal.faults.push(`a session was never over, or ready: ${id}`);
  return 'unknown';

  function note(phase: string, askedMs: number): void {
    journal.sights.push({ id, phase, askedMs, seenMs: Date.now() });
  }

  /** The page's events, until they end, or break off with their instance. */
  async function stream(): Promise<string | undefined> {
    let rest = '';
    try {
      const response = await fetch(new URL(`/events?q=${id}`, look.url), {
        headers: { 'x-forwarded-for': look.network },
        signal: AbortSignal.timeout(STREAM_MS),
      });
      for await (const chunk of response.body ?? []) {
        rest += Buffer.from(chunk).toString();
        for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
          const phase = /"phase":"(\w+)"/.exec(rest.slice(0, end))?.[1];
          rest = rest.slice(end + 2);
          if (phase === undefined) continue;
          note(phase, Date.now());
          if (isOver(phase)) return phase;
        }
      }
    } catch {
      // Whoever reloads the page finds out.
    }
    return undefined;
  }
}

function titleOf(page: string): string {
  return /<h1[^>]*>([^<]+)/.exec(page)?.[1] ?? page.slice(0, 300);
}
