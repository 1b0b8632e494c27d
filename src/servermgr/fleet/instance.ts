import { pause } from '../../runtime/abort.ts';
import type { Log } from '../../runtime/log.ts';
import type { Database } from '../database/database.ts';
import { openInstances } from '../database/instances.ts';
import { type Lease, RENEW_MS } from '../database/lease.ts';
import type { Attention } from './attention.ts';
import type { Registry } from './registry.ts';
import type { Subscribers } from './subscribers.ts';

/** What one instance does all the time: it renews its lease, tells what its visitors look at, and reads what has changed. */
export interface InstanceLoop {
  /** What the visitors of all instances look at. */
  watched(): ReadonlySet<string>;
  /** Reads at once what has changed. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface InstanceOptions {
  readonly id: string;
  readonly database: Database;
  readonly lease: Lease;
  readonly registry: Registry;
  readonly attention: Attention;
  readonly subscribers: Subscribers;
  /** Writes down what could not be while the database was away. */
  readonly writeLate: () => Promise<void>;
  readonly log: Log;
}

/** How often the table is read, where other instances write to it. */
const READ_MS = 500;
/** How often what is watched is told, if it has not changed. */
const PUBLISH_MS = 5_000;

export async function startInstance(options: InstanceOptions): Promise<InstanceLoop> {
  const { id, database, lease, registry, attention, subscribers, log } = options;
  const isShared = database.kind === 'postgres';
  const instances = openInstances(database, id);
  const closing = new AbortController();
  let watched: ReadonlySet<string> = new Set();
  let renewedMs = Number.NEGATIVE_INFINITY;
  let published = { text: '', atMs: Number.NEGATIVE_INFINITY };

  async function tick(): Promise<void> {
    try {
      if (!lease.isHeld() || (isShared && performance.now() - renewedMs >= RENEW_MS)) {
        const before = lease.isHeld();
        renewedMs = performance.now();
        if ((await lease.renew()) && !before && isShared)
          log.info({ event: 'observing', instance: id }, 'this instance observes the sessions');
      }
      await share();
      await options.writeLate();
    } catch {
      // Reading, which follows, finds the same fault, and tells it.
    }
    await registry.read();
    subscribers.notify(registry.views());
  }

  async function share(): Promise<void> {
    if (!isShared) return;
    const own = attention.watched();
    const text = JSON.stringify(own);
    if (text !== published.text || performance.now() - published.atMs > PUBLISH_MS) {
      await instances.publish(own);
      published = { text, atMs: performance.now() };
    }
    if (lease.isHeld()) watched = await instances.watched();
  }

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(READ_MS, closing.signal);
      if (!closing.signal.aborted) await tick();
    }
  }

  await tick();
  const looping = loop();

  return {
    watched: () => new Set([...watched, ...attention.watched()]),
    refresh: registry.read,
    async close() {
      closing.abort();
      await looping;
      await Promise.all([lease.release(), instances.leave()]).catch(() => undefined);
    },
  };
}
