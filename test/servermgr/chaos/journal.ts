import { visitorHash } from '../../../src/servermgr/session-id.ts';
import type { Visitor } from '../support/visitor.ts';
import { NOBODY } from './load-balancer.ts';

/** An end of a session, or its beginning, as a page has shown it. */
export interface Sight {
  readonly id: string;
  readonly phase: string;
  readonly askedMs: number;
  readonly seenMs: number;
}

export interface Answer {
  readonly status: number;
  readonly location: string;
  readonly page: string;
  readonly askedMs: number;
}

/** What the visitors of a run have seen and done. */
export interface Journal {
  readonly faults: string[];
  readonly sights: Sight[];
  /** By id: when its visitor was answered that it is asked to end; and of all that were asked, when that was. */
  readonly stopsAnswered: Map<string, number>;
  readonly stopsAsked: Map<string, number>;
  /** By the visitor's hash: the network that they come from. */
  readonly networks: Map<string, string>;
  /** How often what happened. */
  readonly counts: Map<string, number>;
  count(what: string): void;
  /** Sends a request. @returns undefined: no instance answered, or the one that did was killed */
  ask(
    visitor: Visitor,
    network: string,
    send: (init: RequestInit) => Promise<Response>,
  ): Promise<Answer | undefined>;
}

const HANGS_MS = 30_000;
/** Nobody is told more of a fault than that. */
const STACK = /\bat .{1,100}\.ts:\d+|node:internal|Error: /;

export function createJournal(): Journal {
  const faults: string[] = [];
  const networks = new Map<string, string>();
  const counts = new Map<string, number>();
  const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);

  function noteVisitor({ cookies }: Visitor, network: string): void {
    const [token = ''] = decodeURIComponent(cookies.get('visitor') ?? '').split('.');
    if (token !== '') networks.set(visitorHash(token), network);
  }

  return {
    ...{ faults, networks, counts, count },
    sights: [],
    stopsAnswered: new Map(),
    stopsAsked: new Map(),
    async ask(visitor, network, send) {
      const askedMs = Date.now();
      const signal = AbortSignal.timeout(HANGS_MS);
      try {
        const response = await send({ signal });
        const page = await response.text();
        noteVisitor(visitor, network);
        const { status } = response;
        if (STACK.test(page)) faults.push(`a page has a stack: ${page.slice(0, 500)}`);
        if (status === 500)
          faults.push(`a page says that something went wrong: ${new URL(response.url).pathname}`);
        if (page.includes(NOBODY)) return undefined;
        return { status, location: response.headers.get('location') ?? '', page, askedMs };
      } catch {
        if (signal.aborted) faults.push('a request had no answer for 30 s');
        return undefined;
      }
    },
  };
}
