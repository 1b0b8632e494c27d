import type { FastifyInstance } from 'fastify';
import type { RouteTools } from './route-tools.ts';

interface Launches {
  readonly launches: 'possible' | 'impossible';
  /** ISO 8601; undefined: they are possible, or it is not known since when they are not. */
  readonly since?: string;
}

/**
 * What load balancers and monitors ask, as often as they like. Everybody can: why launches are impossible has paths and
 * accounts in it, and stands in the log and on /admin.
 */
export async function healthRoutes(app: FastifyInstance, { fleet }: RouteTools): Promise<void> {
  const options = { config: { rateLimit: false } };

  function launches(): Launches {
    const fault = fleet.launchFault();
    if (fault === undefined) return { launches: 'possible' };
    // Before it has ever been able to, the moment is 0.
    const since = fault.sinceMs > 0 ? { since: new Date(fault.sinceMs).toISOString() } : {};
    return { launches: 'impossible', ...since };
  }

  // Killing an instance whose launcher or database is away cures nothing, and ends the pages that still work.
  app.get('/health', options, (_, reply) =>
    reply.header('cache-control', 'no-store').send({ ok: true, ...launches() }),
  );

  app.get('/ready', options, (_, reply) => {
    const state = launches();
    const ok = state.launches === 'possible';
    return reply
      .code(ok ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ok, ...state });
  });
}
