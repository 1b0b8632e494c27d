import type { Log } from '../../runtime/log.ts';
import { retryPauseMs } from '../../webhook/retry.ts';
import { send } from '../../webhook/send.ts';
import type { Targets } from '../../webhook/targets.ts';
import type { DueDelivery, WebhookDeliveries } from '../database/webhook-deliveries.ts';
import type { Endpoint } from './endpoints.ts';

export interface CourierOptions {
  readonly deliveries: WebhookDeliveries;
  readonly endpoints: readonly Endpoint[];
  readonly targets: Targets;
  /** Ends the attempts that are under way: they are made again by whoever is there then. */
  readonly closing: AbortSignal;
  /** What could not be written down; the message is sent again by and by. */
  readonly onFault: (error: unknown) => void;
  readonly log: Log;
}

/** Sends what is due. */
export interface Courier {
  /** Begins to send, and waits for no endpoint: one that is slow holds up no other. */
  deliver(): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/** To one endpoint at a time. */
const CONCURRENT = 4;
const MAX_DUE = 50;
/** Of what is told of an answer. */
const MAX_TEXT = 200;

export function createCourier(options: CourierOptions): Courier {
  const { deliveries, endpoints, targets, closing, onFault, log } = options;
  const byKey = new Map(endpoints.map(endpoint => [endpoint.key, endpoint]));
  /** By endpoint. */
  const underWay = new Map(endpoints.map(({ key }) => [key, new Set<Promise<void>>()]));

  async function attempt(due: DueDelivery, { url, secret, host }: Endpoint): Promise<void> {
    if (closing.aborted || !(await deliveries.claim(due))) return;
    const { event: id, body, type, endpoint } = due;
    const attempts = due.attempts + 1;
    try {
      const answer = await send(
        { id, url, secret, body },
        { targets, userAgent: 'servermgr', signal: closing },
      );
      const { kind } = answer;
      const text = answer.text.slice(0, MAX_TEXT);
      if (kind === 'delivered') return await deliveries.succeed(due, text);
      if (kind === 'gone') {
        log.warn({ event: 'webhook_disabled', host }, `${host} wants no more webhooks`);
        return await deliveries.disable(endpoint, text);
      }
      const pauseMs = retryPauseMs(attempts);
      const why = pauseMs === undefined ? `given up: ${text}` : text;
      if (why !== due.answer) {
        log.warn(
          { event: 'webhook_failed', webhook: id, type, host, why, attempts },
          `a webhook could not be delivered to ${host}: ${why}`,
        );
      }
      await deliveries.fail(due, why, pauseMs);
    } catch (error) {
      if (!closing.aborted) throw error;
      await deliveries.release(due);
    }
  }

  function begin(due: DueDelivery, endpoint: Endpoint): void {
    const going = underWay.get(endpoint.key);
    const delivery = attempt(due, endpoint)
      .catch(onFault)
      .finally(() => going?.delete(delivery));
    going?.add(delivery);
  }

  return {
    async deliver() {
      const free = new Map(Array.from(underWay, ([key, { size }]) => [key, CONCURRENT - size]));
      const keys = [...free].filter(([, places]) => places > 0).map(([key]) => key);
      for (const due of await deliveries.due(keys, MAX_DUE)) {
        const endpoint = byKey.get(due.endpoint);
        const places = free.get(due.endpoint) ?? 0;
        if (endpoint === undefined || places === 0) continue;
        free.set(due.endpoint, places - 1);
        begin(due, endpoint);
      }
    },
    async close() {
      await Promise.all([...underWay.values()].flatMap(going => [...going]));
    },
  };
}
