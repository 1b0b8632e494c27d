import { type Database, databaseNow } from './database.ts';

export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What is sent to endpoints, and what became of it. Every call throws when the database cannot be asked. */
export interface WebhookDeliveries {
  /** What is due for these endpoints, the longest first. */
  due(endpoints: readonly string[], limit: number): Promise<readonly DueDelivery[]>;
  /** One more attempt, by one instance alone. @returns whether it is this one's */
  claim(delivery: DueDelivery): Promise<boolean>;
  /** The attempt has come to nothing by itself: it may be made at once by another instance. */
  release(delivery: DueDelivery): Promise<void>;
  /** It was delivered. */
  succeed(delivery: DueDelivery, answer: string): Promise<void>;
  /** It was not. @param pauseMs until the next attempt; undefined: it is given up */
  fail(delivery: DueDelivery, answer: string, pauseMs: number | undefined): Promise<void>;
  /** The endpoint wants no more: nothing is sent to it, and all that waits for it is given up. */
  disable(endpoint: string, answer: string): Promise<void>;
  /** The newest ones. */
  recent(limit: number): Promise<readonly Delivery[]>;
  /** One that has failed is sent again. @returns whether it could be: it has, and its endpoint is not disabled */
  sendAgain(event: string, endpoint: string): Promise<boolean>;
  /** How many there are. */
  counts(): Promise<Readonly<Record<DeliveryState, number>>>;
  /** Deletes what was done long ago, and gives up what nobody is set up to deliver. */
  sweep(): Promise<void>;
}

export interface DueDelivery {
  readonly event: string;
  readonly endpoint: string;
  readonly type: string;
  readonly body: string;
  /** Before this one. */
  readonly attempts: number;
  readonly nextMs: number;
  /** What became of the last attempt. */
  readonly answer: string | undefined;
}

/** A delivery as /admin shows it. */
export interface Delivery {
  readonly event: string;
  readonly endpoint: string;
  readonly type: string;
  readonly session: string | undefined;
  readonly host: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly createdMs: number;
  readonly nextMs: number;
  readonly answer: string | undefined;
  readonly canSendAgain: boolean;
}

/** An attempt is over in less: afterwards whoever has made it is gone. */
const LEASE_MS = 30_000;
const KEPT_MS = 30 * 86_400_000;
/** Longer than all attempts together. */
const ORPHANED_MS = 4 * 86_400_000;

export function openWebhookDeliveries({ db, kind, transaction }: Database): WebhookDeliveries {
  const now = databaseNow(kind);
  const inMs = (ms: number) => databaseNow(kind, ms);

  /** @param attempts of one that another instance has taken over meanwhile the outcome is theirs */
  function pending({ event, endpoint }: Pick<DueDelivery, 'event' | 'endpoint'>, attempts: number) {
    return db
      .updateTable('webhook_deliveries')
      .where('event', '=', event)
      .where('endpoint', '=', endpoint)
      .where('state', '=', 'pending')
      .where('attempts', '=', attempts);
  }

  return {
    async due(endpoints, limit) {
      if (endpoints.length === 0) return [];
      const rows = await db
        .selectFrom('webhook_deliveries as delivery')
        .innerJoin('webhook_events as event', 'event.id', 'delivery.event')
        .innerJoin('webhook_endpoints as target', 'target.endpoint', 'delivery.endpoint')
        .select(['delivery.event', 'delivery.endpoint', 'event.type', 'event.body'])
        .select(['delivery.attempts', 'delivery.next_ms', 'delivery.answer'])
        .where('delivery.state', '=', 'pending')
        .where('delivery.next_ms', '<=', now)
        .where('delivery.endpoint', 'in', endpoints)
        .where('target.disabled_ms', 'is', null)
        .orderBy('delivery.next_ms')
        .limit(limit)
        .execute();
      return rows.map(({ next_ms: nextMs, answer, ...row }) => ({
        ...row,
        nextMs,
        answer: answer ?? undefined,
      }));
    },

    async claim(delivery) {
      const { numUpdatedRows } = await pending(delivery, delivery.attempts)
        .set({ attempts: delivery.attempts + 1, next_ms: inMs(LEASE_MS) })
        .where('next_ms', '=', delivery.nextMs)
        .executeTakeFirst();
      return numUpdatedRows > 0;
    },

    async release(delivery) {
      await pending(delivery, delivery.attempts + 1)
        .set({ attempts: delivery.attempts, next_ms: now })
        .execute();
    },

    async succeed({ event, endpoint }, answer) {
      await db
        .updateTable('webhook_deliveries')
        .set({ state: 'delivered', answer, done_ms: now })
        .where('event', '=', event)
        .where('endpoint', '=', endpoint)
        .execute();
    },

    async fail(delivery, answer, pauseMs) {
      await pending(delivery, delivery.attempts + 1)
        .set(
          pauseMs === undefined
            ? { state: 'failed', answer, done_ms: now }
            : { answer, next_ms: inMs(pauseMs) },
        )
        .execute();
    },

    async disable(endpoint, answer) {
      await transaction(async tx => {
        await tx
          .updateTable('webhook_endpoints')
          .set({ disabled_ms: now })
          .where('endpoint', '=', endpoint)
          .execute();
        await tx
          .updateTable('webhook_deliveries')
          .set({ state: 'failed', answer, done_ms: now })
          .where('endpoint', '=', endpoint)
          .where('state', '=', 'pending')
          .execute();
      });
    },

    async recent(limit) {
      const rows = await db
        .selectFrom('webhook_deliveries as delivery')
        .innerJoin('webhook_events as event', 'event.id', 'delivery.event')
        .leftJoin('webhook_endpoints as target', join =>
          join.onRef('target.endpoint', '=', 'delivery.endpoint').on('target.disabled_ms', 'is', null),
        )
        .select([
          'delivery.event',
          'delivery.endpoint',
          'delivery.host',
          'delivery.state',
          'delivery.attempts',
        ])
        .select(['delivery.created_ms', 'delivery.next_ms', 'delivery.answer', 'event.type', 'event.session'])
        .select('target.endpoint as enabled')
        .orderBy('delivery.created_ms', 'desc')
        .orderBy('delivery.event')
        .limit(limit)
        .execute();
      return rows.map(({ event, endpoint, host, type, attempts, ...row }) => {
        const state = stateOf(row.state);
        return {
          ...{ event, endpoint, host, type, attempts, state },
          session: row.session ?? undefined,
          createdMs: row.created_ms,
          nextMs: row.next_ms,
          answer: row.answer ?? undefined,
          canSendAgain: state === 'failed' && row.enabled !== null,
        };
      });
    },

    async sendAgain(event, endpoint) {
      const { numUpdatedRows } = await db
        .updateTable('webhook_deliveries')
        .set({ state: 'pending', attempts: 0, next_ms: now, done_ms: null })
        .where('event', '=', event)
        .where('endpoint', '=', endpoint)
        .where('state', '=', 'failed')
        .where('endpoint', 'in', query =>
          query.selectFrom('webhook_endpoints').select('endpoint').where('disabled_ms', 'is', null),
        )
        .executeTakeFirst();
      return numUpdatedRows > 0;
    },

    async counts() {
      const rows = await db
        .selectFrom('webhook_deliveries')
        .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
        .groupBy('state')
        .execute();
      const counts = { pending: 0, delivered: 0, failed: 0 };
      for (const { state, count } of rows) counts[stateOf(state)] += Number(count);
      return counts;
    },

    async sweep() {
      await db
        .updateTable('webhook_deliveries')
        .set({ state: 'failed', answer: 'no instance is set up to deliver it', done_ms: now })
        .where('state', '=', 'pending')
        .where('next_ms', '<', inMs(-ORPHANED_MS))
        .where('endpoint', 'not in', query => query.selectFrom('webhook_endpoints').select('endpoint'))
        .execute();
      await db.deleteFrom('webhook_deliveries').where('done_ms', '<', inMs(-KEPT_MS)).execute();
      await db
        .deleteFrom('webhook_events')
        .where('created_ms', '<', inMs(-KEPT_MS))
        .where('id', 'not in', query => query.selectFrom('webhook_deliveries').select('event'))
        .execute();
    },
  };
}

/** One of a later version is none that this one sends. */
function stateOf(text: string): DeliveryState {
  return DELIVERY_STATES.find(state => state === text) ?? 'failed';
}
