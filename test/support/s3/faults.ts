import type { Operation } from './operation.ts';

/** What goes wrong, and when. The first rule that matches a request decides. Plain JSON, so that it can be sent. */
export interface FaultRule {
  readonly match?: FaultMatch;
  readonly do: Fault;
  /** With `slow`: how fast the body is read. */
  readonly bytesPerSecond?: number;
  /** With `delay`: how long before the request is served; with `late-answer` and `white-space`: before the answer. */
  readonly delayMs?: number;
  /** With `error`: what is answered; the code with `white-space`, too. */
  readonly status?: number;
  readonly code?: string;
  /** With `error`; default: the code. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With `white-space`: what follows the document. */
  readonly end?: string;
}

/** Everything given must hold; counts are of the requests with that operation (of all, without one), from 1. */
export interface FaultMatch {
  readonly operation?: Operation | readonly Operation[];
  readonly part?: number;
  readonly nth?: number;
  /** This one and all after it. */
  readonly from?: number;
  /** This one and all before it. */
  readonly upTo?: number;
  readonly every?: number;
  readonly probability?: number;
  readonly seed?: number;
}

export type Fault =
  | '503'
  | '500'
  | 'SlowDown'
  | 'reset'
  /** Takes the request and never answers. */
  | 'stall'
  | 'slow'
  | 'deny'
  | 'expired-token'
  /** Does what was asked, but the answer is a 500. */
  | '500-after-commit'
  /** Does what was asked, but the connection breaks before the answer. */
  | 'reset-after-commit'
  | 'delay'
  /** Does what was asked at once, but answers late. */
  | 'late-answer'
  /** Answers 200 at once, then white space until the answer, as S3 does to CompleteMultipartUpload. */
  | 'white-space'
  /** Answers without Content-Length, to HEAD. */
  | 'no-length'
  /** Serves the request when other rules are set. */
  | 'hold'
  /** Answers a GET of a range with the whole object. */
  | 'ignore-range'
  /** Breaks the connection in the middle of an object's bytes. */
  | 'cut'
  /** Gives half of an object for the whole one. */
  | 'short'
  /** Gives an object with another bit. */
  | 'flip'
  /** A gateway that unzips for whoever does not accept gzip. */
  | 'unzip'
  /** A page of a listing that says that there is more, and gives no token for it. */
  | 'no-token'
  /** The same, and it knows no other way: the first page is all that it ever gives. */
  | 'same-page'
  /** Answers to a write without a checksum of it. */
  | 'no-checksum'
  /** The same with one of other bytes. */
  | 'other-checksum'
  /** Answers to a write with an ETag that is no MD5. */
  | 'other-etag'
  /** A page of a gateway's. */
  | 'page'
  | 'error';

export interface FaultPlan {
  next(request: { readonly operation: Operation; readonly part: number | undefined }): FaultRule | undefined;
}

export function planFaults(rules: readonly FaultRule[]): FaultPlan {
  const watched = rules.map(rule => ({ rule, seen: 0, random: randomFrom(rule.match?.seed ?? 1) }));
  return {
    next(request) {
      let chosen: FaultRule | undefined;
      for (const watch of watched) {
        const match = watch.rule.match ?? {};
        if (!concerns(match, request)) continue;
        watch.seen += 1;
        if (isDue(match, watch.seen, watch.random)) chosen ??= watch.rule;
      }
      return chosen;
    },
  };
}

function concerns(match: FaultMatch, request: { operation: Operation; part: number | undefined }): boolean {
  const operations = match.operation === undefined ? [request.operation] : [match.operation].flat();
  return operations.includes(request.operation) && (match.part ?? request.part) === request.part;
}

function isDue(match: FaultMatch, seen: number, random: () => number): boolean {
  return (
    (match.nth ?? seen) === seen &&
    seen >= (match.from ?? 1) &&
    seen <= (match.upTo ?? seen) &&
    seen % (match.every ?? 1) === 0 &&
    (match.probability === undefined || random() < match.probability)
  );
}

/** mulberry32: the same seed gives the same faults. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
