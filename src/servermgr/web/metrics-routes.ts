import type { FastifyInstance } from 'fastify';
import { countProcess } from '../metrics/counters.ts';
import { registerGauges } from '../metrics/gauges.ts';
import type { AdminGuard } from './admin-auth.ts';
import type { RouteTools } from './route-tools.ts';

/** What Prometheus asks for, with a token of its own: https://prometheus.io/docs/instrumenting/exposition_formats. */
export async function metricsRoutes(
  app: FastifyInstance,
  { guard, ...tools }: RouteTools & { readonly guard: AdminGuard },
): Promise<void> {
  const { registry, fleet, limits, webhooks, streams } = tools;
  countProcess(registry);
  registerGauges(registry, { fleet, webhooks, fleetLimit: limits.fleet, openStreams: streams.count });

  app.get('/metrics', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const admitted = await guard.admit(request, ['bearer']);
    if (admitted.kind === 'guessing') {
      reply.header('retry-after', admitted.retryAfterSeconds);
      return reply.code(429).type('text/plain').send('too many wrong tokens came from your address\n');
    }
    if (admitted.kind === 'unknown') {
      reply.header('www-authenticate', 'Bearer realm="Craftassist fleet"');
      return reply
        .code(401)
        .type('text/plain')
        .send('the token of SERVERMGR_METRICS_TOKEN is needed: Authorization: Bearer …\n');
    }
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
