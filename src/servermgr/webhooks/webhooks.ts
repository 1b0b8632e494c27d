import type { SessionSettings, WebhookSettings } from '../../config/servermgr-config.ts';
import { pause } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import { createTargets } from '../../webhook/targets.ts';
import type { Database } from '../database/database.ts';
import { openWebhookDeliveries, type WebhookDeliveries } from '../database/webhook-deliveries.ts';
import { openWebhookOutbox } from '../database/webhook-outbox.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { createCourier } from './courier.ts';
import { endpointsOf } from './endpoints.ts';
import { createRecorder } from './recorder.ts';

/** Tells endpoints what happens to sessions, and /admin what became of that. */
export interface Webhooks extends Pick<WebhookDeliveries, 'recent' | 'sendAgain' | 'counts'> {
  close(): Promise<void>;
}

export interface WebhooksOptions {
  readonly database: Database;
  readonly fleet: Pick<Fleet, 'isObserver' | 'spending'>;
  readonly settings: WebhookSettings;
  readonly session: SessionSettings;
  readonly secret: string;
  readonly log: Log;
}

const POLL_MS = 1_000;
const SWEEP_MS = 3_600_000;
/** How often it is told that the database cannot be asked. */
const TELL_MS = 60_000;

/** Begins to tell. The instance that observes writes down what is to be told; every one sends. */
export async function openWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { database, fleet, settings, session, secret, log } = options;
  const endpoints = endpointsOf(settings, secret);
  const outbox = openWebhookOutbox(database);
  const deliveries = openWebhookDeliveries(database);
  const closing = new AbortController();
  const recorder = createRecorder({ outbox, endpoints, session, spending: fleet.spending });
  const courier = createCourier({
    ...{ deliveries, endpoints, targets: createTargets(settings.internal), log },
    closing: closing.signal,
    onFault: noteFault,
  });
  let toldMs = Number.NEGATIVE_INFINITY;
  let sweptMs = Number.NEGATIVE_INFINITY;

  function noteFault(error: unknown): void {
    if (performance.now() - toldMs < TELL_MS) return;
    toldMs = performance.now();
    log.warn({ event: 'webhooks_paused', err: error }, 'webhooks wait for the database');
  }

  async function tick(): Promise<void> {
    try {
      if (fleet.isObserver()) await recorder.record();
      else recorder.forget();
      await courier.deliver();
      if (performance.now() - sweptMs > SWEEP_MS) {
        await deliveries.sweep();
        sweptMs = performance.now();
      }
    } catch (error) {
      noteFault(error);
    }
  }

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      await tick();
      await pause(POLL_MS, closing.signal);
    }
  }

  await outbox.register(endpoints);
  const looping = endpoints.length === 0 ? undefined : loop();

  return {
    recent: deliveries.recent,
    sendAgain: deliveries.sendAgain,
    counts: deliveries.counts,
    async close() {
      closing.abort(new Error('the manager is closing'));
      await looping;
      await courier.close();
    },
  };
}
