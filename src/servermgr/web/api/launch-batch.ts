import { createHmac } from 'node:crypto';
import { randomToken } from '../../session-id.ts';
import { explainRefusal, type RefusedLaunch } from '../launch-refusal.ts';
import type { AppOptions } from '../route-tools.ts';

export interface BatchRequest {
  readonly world: string;
  readonly count: number;
  /** The client's, by which a repeat is known; undefined: the request is like no other. */
  readonly key: string | undefined;
}

export interface Batch {
  /** Ids of the sessions, in an order that a repeat has as well. */
  readonly ids: readonly string[];
  /** Why there are fewer than were asked for; undefined: there are not. */
  readonly stopped: Stopped | undefined;
}

export interface Stopped {
  readonly reason: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfterSeconds: number | undefined;
}

/** Launches of one request at once: more would keep visitors waiting. */
const AT_ONCE = 5;

const FAILED: Stopped = {
  reason: 'failed',
  status: 500,
  message: 'A session could not be started; the log says why.',
  retryAfterSeconds: undefined,
};

const KEY_OF_ANOTHER: Stopped = {
  reason: 'key-reused',
  status: 422,
  message: 'That Idempotency-Key was used for another world.',
  retryAfterSeconds: undefined,
};

/**
 * Launches sessions until there are as many as were asked for, or one is refused: then the others would be as well.
 * Each has a visitor and a launch request of its own, which follow from the key: the fleet knows them again.
 */
export async function launchBatch(
  { fleet, secret, log }: Pick<AppOptions, 'fleet' | 'secret' | 'log'>,
  { world, count, key = randomToken() }: BatchRequest,
): Promise<Batch> {
  const ids: string[] = [];
  let stopped: Stopped | undefined;
  let next = 0;

  async function launchNext(): Promise<void> {
    const index = next;
    next += 1;
    const visitor = tokenOf(`visitor ${index} ${key}`, secret);
    const token = tokenOf(`press ${index} ${key}`, secret);
    try {
      const result = await fleet.launch({ visitor, token, world, network: undefined });
      if ('id' in result) ids[index] = result.id;
      else stopped ??= stoppedBy(result);
    } catch (error) {
      log.error({ event: 'request_failed', err: error }, 'request failed');
      stopped ??= FAILED;
    }
  }

  async function launchOn(): Promise<void> {
    while (next < count && stopped === undefined) await launchNext();
  }

  // Alone, since it tells whether the key has been used for something else.
  await launchNext();
  const { views } = await fleet.snapshot();
  const first = views.find(({ id }) => id === ids[0]);
  if (first !== undefined && first.world !== world) return { ids: [], stopped: KEY_OF_ANOTHER };
  await Promise.all(Array.from({ length: AT_ONCE }, launchOn));
  return { ids: ids.filter(id => id !== undefined), stopped };
}

function stoppedBy(result: RefusedLaunch): Stopped {
  const { status, text, retryAfterSeconds } = explainRefusal(result, Date.now());
  return { reason: result.kind, status, message: text, retryAfterSeconds };
}

/** Nobody without the manager's secret comes to the visitor of a session that the API has launched. */
function tokenOf(text: string, secret: string): string {
  return createHmac('sha256', secret).update(`api ${text}`).digest('base64url').slice(0, 22);
}
