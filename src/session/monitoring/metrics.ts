import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Registry } from '@prometheus-io/client';
import type { ListenAddress } from '../../config/session-config.ts';
import type { SessionRuntime } from '../runtime.ts';
import { registerGauges } from './gauges.ts';
import type { Monitor } from './monitor.ts';

/** Whoever asks, asks again: one that stays open, or says nothing, is closed. */
const CONNECTION = { headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000 };
const MAX_CONNECTIONS = 20;

/**
 * Answers Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats. A session whose address cannot be
 * listened on is a session still.
 */
export function startMetrics(
  { host, port }: ListenAddress,
  { log, status }: Pick<SessionRuntime, 'log' | 'status'>,
): Monitor {
  const registry = new Registry();
  registerGauges(registry, status);

  function noteFault(error: unknown): void {
    const address = `${host ?? ''}:${port}`;
    log.warn({ event: 'metrics_unavailable', err: error, address }, `there are no metrics at ${address}`);
  }

  async function answer({ url = '', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url.split('?', 1)[0] !== '/metrics') return void response.writeHead(404).end('see /metrics\n');
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { allow: 'GET' }).end();
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text);
  }

  const server = createServer(CONNECTION, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      noteFault(error);
      response.writeHead(500).end();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('error', noteFault);
  server.listen({ port, host });

  return {
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
