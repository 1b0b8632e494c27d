import { Gauge, type Registry } from '@prometheus-io/client';
import { DELIVERY_STATES, type WebhookDeliveries } from '../database/webhook-deliveries.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Phase } from '../fleet/view.ts';

export interface GaugesOptions {
  readonly fleet: Pick<Fleet, 'known' | 'spending' | 'isObserver' | 'launchFault'>;
  readonly fleetLimit: number;
  readonly webhooks: Pick<WebhookDeliveries, 'counts'>;
  readonly openStreams: () => number;
}

/** undefined: there is none, or it cannot be known. */
type Value = number | undefined;

/** Of sessions that have their place still. */
const PHASES = ['starting', 'ready', 'ending'] as const satisfies readonly Phase[];

/** How each metric says whose it is. */
const FLEET = 'Of the whole fleet: every instance says the same, do not add them up.';
const OWN = "This instance's own.";

/** What is so when somebody asks. What cannot be known then, for the database is away, is left out. */
export function registerGauges(registry: Registry, options: GaugesOptions): void {
  const { fleet, fleetLimit, webhooks, openStreams } = options;
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => Value | Promise<Value>) =>
    new Gauge({
      ...{ name, help, registers },
      async collect() {
        const now = await value();
        if (now === undefined) this.remove();
        else this.set(now);
      },
    });
  const people = () => fleet.known().reduce((sum, view) => sum + view.people, 0);

  new Gauge({
    name: 'servermgr_sessions',
    help: `Sessions that have not ended, by how far they are. ${FLEET}`,
    labelNames: ['phase'],
    registers,
    collect() {
      for (const phase of PHASES)
        this.set({ phase }, fleet.known().filter(view => view.phase === phase).length);
    },
  });
  gauge('servermgr_people', `People in the sessions that are ready. ${FLEET}`, people);
  gauge('servermgr_fleet_limit', `How many sessions may run at once. ${FLEET}`, () => fleetLimit);
  gauge('servermgr_launches_possible', `Whether sessions can be launched, 1 or 0. ${OWN}`, () =>
    fleet.launchFault() === undefined ? 1 : 0,
  );
  gauge(
    'servermgr_observer',
    `Whether this instance holds the lease, and observes for all, 1 or 0. ${OWN}`,
    () => (fleet.isObserver() ? 1 : 0),
  );
  gauge('servermgr_event_streams', `Event streams of pages that are open. ${OWN}`, openStreams);
  gauge(
    'servermgr_budget_dollars',
    `The budget of a day (UTC), if there is one. ${FLEET}`,
    async () => (await fleet.spending())?.budget,
  );
  gauge(
    'servermgr_budget_spent_dollars',
    `What the sessions of today (UTC) cost at most, each until its limit. ${FLEET}`,
    async () => (await fleet.spending())?.atMost,
  );
  new Gauge({
    name: 'servermgr_webhook_deliveries',
    help: `Webhooks to endpoints, by state, those of the last 30 days. ${FLEET}`,
    labelNames: ['state'],
    registers,
    async collect() {
      this.reset();
      const counts = await webhooks.counts().catch(() => undefined);
      if (counts !== undefined) for (const state of DELIVERY_STATES) this.set({ state }, counts[state]);
    },
  });
}
