import { pause } from '../../runtime/abort.ts';
import type { Actions } from './actions.ts';
import { endReasonOf, type FleetCounts } from './counts.ts';
import { demandOf } from './demand.ts';
import { logEnd } from './end-log.ts';
import { createMilestones } from './milestones.ts';
import { createRollCall, type RollCallOptions } from './roll-call.ts';
import { ruleFor } from './rules.ts';
import { type ServersOptions, watchServers } from './servers.ts';

export interface ObserverOptions
  extends Omit<RollCallOptions, 'servers' | 'closing'>,
    Omit<ServersOptions, 'onNews' | 'closing'> {
  readonly actions: Actions;
  readonly counts: FleetCounts;
  /** What the visitors of all instances look at. */
  readonly watched: () => ReadonlySet<string>;
  /** Called when something new may be known. */
  readonly onNews: () => void;
}

export interface Observer {
  /** Looks at once, for something has changed. */
  wake(): void;
  close(): Promise<void>;
}

/** How often all sessions are asked for while nobody waits for anything: often enough to apply the rules. */
const IDLE_MS = 5_000;
/** How often somebody who waits is told what is new, at most. */
const QUICK_MS = 1_000;
/** A look that is a little early is due as well: timers are not exact. */
const EARLY_MS = 20;

/**
 * The one instance that holds the lease observes all sessions, and every one while nobody can know who holds it: it asks the launcher for them, probes their servers,
 * reads the reports of ended ones, applies the rules, and writes down what it has seen. The others read that.
 */
export function startObserver(options: ObserverOptions): Observer {
  const { launcher, limits, lease, registry, actions, counts, log } = options;
  const closing = new AbortController();
  const servers = watchServers({ ...options, closing: closing.signal, onNews: () => waking.abort() });
  const rollCall = createRollCall({ ...options, servers, closing: closing.signal });
  const milestones = createMilestones({
    onReady: ({ readyMs = 0, requestedMs }) => counts.ready(readyMs - requestedMs),
    onEnd(view) {
      logEnd(log, view);
      counts.ended(endReasonOf(view));
    },
  });
  const quickMs = Math.min(QUICK_MS, launcher.pollIntervalMs(0));
  let calledMs = Number.NEGATIVE_INFINITY;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let waking = new AbortController();

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      waking = new AbortController();
      const isBusy = registry.observes() && (await cycle());
      await pause(isBusy ? quickMs : QUICK_MS, AbortSignal.any([closing.signal, waking.signal]));
    }
  }

  /** @returns whether anything is waited for */
  async function cycle(): Promise<boolean> {
    const demand = demandOf(options.watched());
    const isBusy = demand.isBusy(registry.records());
    try {
      const usualMs = launcher.pollIntervalMs(registry.records().length);
      const isDue =
        performance.now() - calledMs >= (isBusy ? usualMs : Math.max(IDLE_MS, usualMs)) - EARLY_MS;
      const awaited = registry.records().filter(demand.isAwaited);
      let isFresh = false;
      if (isDue) {
        calledMs = performance.now();
        isFresh = await rollCall.all();
      } else if (awaited.length > 0 && performance.now() - lookedMs >= quickMs - EARLY_MS) {
        // News wakes this loop at any time, and each look costs a request that listing has to wait for.
        lookedMs = performance.now();
        await rollCall.some(awaited);
      }
      servers.probe(demand, quickMs);
      servers.read(demand);
      const nowMs = Date.now();
      await actions.apply(registry.records().flatMap(each => ruleFor(each, limits, nowMs, isFresh) ?? []));
      await registry.save(lease.check);
    } catch (error) {
      if (!closing.signal.aborted)
        log.warn({ event: 'observation_failed', err: error }, 'sessions could not be looked at');
    }
    if (!closing.signal.aborted) {
      milestones.note(registry.views());
      options.onNews();
    }
    return isBusy;
  }

  const running = loop();

  return {
    wake: () => waking.abort(),
    async close() {
      closing.abort(new Error('the manager is closing'));
      await Promise.all([running, servers.close()]);
    },
  };
}
