import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from '../../database/tokens-table.ts';
import type { AdminGuard } from '../admin-auth.ts';
import type { RouteTools } from '../route-tools.ts';
import { registerApiErrors, sendApiError } from './errors.ts';
import { apiExportRoutes } from './export-routes.ts';
import { ERROR_SCHEMA, LAUNCHED_SCHEMA, LIST_SCHEMA, REFUSED_SCHEMA, SESSION_SCHEMA } from './schemas.ts';
import { apiSessionRoutes } from './session-routes.ts';

/** The version of the API: its first digit changes with what a client has to be changed for. */
const VERSION = '1.0.0';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a token needs for a route of the API; undefined: any will do. */
    scope?: Scope;
  }
}

/** The API: JSON in and out, with the administrators' token, or one that has the scope. It sets and reads no cookies, so that no page can use it. */
export async function apiRoutes(
  app: FastifyInstance,
  tools: RouteTools & { readonly guard: AdminGuard | undefined },
): Promise<void> {
  const { guard } = tools;
  if (guard === undefined) {
    registerApiErrors(app, tools.log, 'there is no API: SERVERMGR_ADMIN_TOKEN is not set');
    return;
  }
  registerApiErrors(app, tools.log, 'there is nothing here: see /api/openapi.json');
  // A form of another site's is neither.
  app.removeContentTypeParser(['application/x-www-form-urlencoded', 'text/plain']);
  app.addHook('onRequest', async (request, reply) => admitClient(guard, request, reply));
  for (const schema of [SESSION_SCHEMA, ERROR_SCHEMA, LAUNCHED_SCHEMA, REFUSED_SCHEMA, LIST_SCHEMA])
    app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'servermgr',
        description:
          'Launches, lists, stops and exports sessions. Operations name the scope that a token of /admin/tokens needs; ' +
          'the administrators’ token has all.',
        version: VERSION,
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    refResolver: { buildLocalReference: ({ $id }, _uri, _fragment, index) => String($id ?? `def-${index}`) },
  });
  await app.register(apiSessionRoutes, tools);
  await app.register(apiExportRoutes, tools);
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

/** A browser sends the password of a page along with what other sites ask of it: here only a bearer token counts. */
async function admitClient(
  guard: AdminGuard,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  reply.header('cache-control', 'no-store');
  const admitted = await guard.admit(request, ['bearer']);
  if (admitted.kind === 'guessing') {
    reply.header('retry-after', admitted.retryAfterSeconds);
    return sendApiError(reply, 429, 'too many wrong tokens came from your address');
  }
  if (admitted.kind === 'unknown') {
    reply.header('www-authenticate', 'Bearer realm="Craftassist fleet"');
    return sendApiError(
      reply,
      401,
      'the administrators’ token is needed, or one of /admin/tokens: Authorization: Bearer …',
    );
  }
  const { scope } = request.routeOptions.config;
  if (scope === undefined || admitted.scopes.includes(scope)) return undefined;
  return sendApiError(reply, 403, `that takes a token with the scope ${scope}: one is made on /admin/tokens`);
}
