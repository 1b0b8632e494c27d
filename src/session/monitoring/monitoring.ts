import type { Report } from '../../report/schema.ts';
import type { SessionRuntime } from '../runtime.ts';
import type { Monitor } from './monitor.ts';

/**
 * How others learn how a session goes: a webhook, a heartbeat, metrics. Nothing of it holds the session up, or ends it.
 * Disposed of, it tells for a few seconds what is not told yet, and ends.
 */
export interface Monitoring extends AsyncDisposable {
  /** Begins to tell how the session has ended. */
  tellEnd(report: Report): void;
}

/** Starts what is set up: nothing else is loaded, as every module costs time before the server starts. */
export async function startMonitoring(runtime: SessionRuntime): Promise<Monitoring> {
  const { config, log } = runtime;
  const { webhook, heartbeatUrl: url, metricsAddress } = config.monitoring;
  const { proxy } = config.save.s3;
  const over = new AbortController();
  const monitors: Monitor[] = [];
  if (webhook !== undefined) {
    const { startWebhook } = await import('./webhook.ts');
    monitors.push(startWebhook(webhook, runtime, over.signal));
  }
  if (url !== undefined) {
    const { startHeartbeat } = await import('./heartbeat.ts');
    monitors.push(startHeartbeat({ url, proxy, log, over: over.signal }));
  }
  if (metricsAddress !== undefined) {
    const { startMetrics } = await import('./metrics.ts');
    monitors.push(startMetrics(metricsAddress, runtime));
  }
  return {
    tellEnd(report) {
      for (const monitor of monitors) monitor.tellEnd?.(report);
    },
    async [Symbol.asyncDispose]() {
      if (monitors.length === 0) return;
      using deadline = runtime.startDeadline('monitoring');
      const giveUp = () => over.abort(deadline.signal.reason);
      deadline.signal.addEventListener('abort', giveUp);
      if (deadline.signal.aborted) giveUp();
      await Promise.all(monitors.map(monitor => monitor.close()));
    },
  };
}
