import { hostname } from 'node:os';
import { destinationText } from '../config/destination-url.ts';
import type { DestinationUrl, SessionConfig } from '../config/session-config.ts';
import type { Log } from '../runtime/log.ts';
import { type Claimant, claimName } from '../save/claim.ts';
import { keepClaiming, type LastingClaim } from '../save/keep-claiming.ts';
import { conditionsNotice } from '../store/conditions.ts';
import type { Store } from '../store/store.ts';

/** The names that a session has at its destinations. */
export interface SessionClaims {
  readonly claimant: Claimant;
  /** The claim at a destination; it is begun by the first call. */
  at(url: DestinationUrl): LastingClaim;
  /** What the stores do not exclude, for the report. */
  notices(): string[];
  /** Ends those that are under way. */
  close(): void;
}

interface ClaimsOptions {
  readonly config: SessionConfig;
  readonly run: string;
  readonly log: Log;
  readonly openStore: (url: DestinationUrl) => Promise<Store>;
}

export function createClaims({ config, run, log, openStore }: ClaimsOptions): SessionClaims {
  const startedAt = new Date().toISOString();
  const claimant = { timestamp: config.timestamp, run, startedAt, host: hostname() };
  const claims = new Map<DestinationUrl, LastingClaim>();

  function begin(target: DestinationUrl): LastingClaim {
    const url = destinationText(target);
    const attempt: Parameters<typeof keepClaiming>[0] = async (signal, retry) => {
      const store = await openStore(target);
      const claimed = await claimName(store, claimant, { signal, root: '', retry });
      const { name: session, conditions } = claimed;
      log.info({ event: 'name_claimed', session, url, conditions }, `the session is ${session} at ${url}`);
      const notice = conditionsNotice(conditions);
      if (notice !== undefined) log.warn({ event: 'notice' }, notice);
      return claimed;
    };
    return keepClaiming(attempt, why =>
      log.info({ event: 'name_not_claimed', why, url }, "the session's name is not claimed yet, retrying"),
    );
  }

  return {
    claimant,
    at(url) {
      const claim = claims.get(url) ?? begin(url);
      claims.set(url, claim);
      return claim;
    },
    notices() {
      const claimed = Array.from(claims.values(), claim => claim.claimed()?.conditions ?? 'honoured');
      const notices = claimed.map(conditionsNotice).filter(notice => notice !== undefined);
      return [...new Set(notices)];
    },
    close() {
      for (const claim of claims.values()) claim.close();
    },
  };
}
