import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { createAdminGuard } from './admin-auth.ts';
import { adminRoutes } from './admin-routes.ts';
import { apiRoutes } from './api/routes.ts';
import { archiveRoutes } from './archive-routes.ts';
import { connectionTimeouts } from './connection-timeouts.ts';
import { limitConnections } from './connections.ts';
import { contentPolicy } from './content-policy.ts';
import { registerErrorPages } from './errors.ts';
import { createStreams } from './event-stream.ts';
import { healthRoutes } from './health-routes.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { networkOf } from './network.ts';
import type { AppOptions, RouteTools } from './route-tools.ts';
import { sessionRoutes } from './session-routes.ts';
import { startRoutes } from './start-routes.ts';
import { studyRoutes } from './study/routes.ts';
import { cookieOptions, formField, visitorOf } from './visitor-cookie.ts';

/** Of a request: forms are small, and nothing else is sent. */
const MAX_BODY_BYTES = 8 * 1024;
/** Of one network: the waiting pages of a class behind one address, which reload every 2 s without JavaScript, stay below. */
const REQUESTS_PER_MINUTE = 1_200;
/** Sockets besides those of event streams. */
const OTHER_SOCKETS = 2_000;

/** The web application. It logs no requests: the URL of a page contains a session's id, which is a secret. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { basePath, limits, secret, trustedProxies } = options;
  // fastify writes lines of its own, without an event.
  const log: FastifyBaseLogger = options.log.child({ event: 'web_server' });
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // Counted from the socket: so many proxies are ours, and what others add to X-Forwarded-For is not trusted.
    trustProxy: (_address, hop) => hop < trustedProxies,
    bodyLimit: MAX_BODY_BYTES,
    ...connectionTimeouts({ behindProxy: trustedProxies > 0 }),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    // What a client of the API has written wrongly is neither guessed at nor left out.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  app.decorate('basePath', basePath);
  limitConnections(app.server, limits.streams + OTHER_SOCKETS);
  const streams = createStreams({ total: limits.streams, perNetwork: limits.streamsPerAddress });
  app.addHook('preClose', async () => streams.closeAll());

  await app.register(helmet, {
    contentSecurityPolicy: contentPolicy({ formAction: ["'self'"], frameAncestors: ["'none'"] }),
  });
  await app.register(cookie, { secret });
  await app.register(formbody, { bodyLimit: MAX_BODY_BYTES });
  await app.register(csrf, {
    cookieOpts: { ...cookieOptions(basePath), signed: true },
    // A token is valid for one visitor. Its key differs from that of the cookies: with the same key, the token would
    // contain the signature of the visitor's cookie.
    csrfOpts: { hmacKey: createHmac('sha256', secret).update('forms').digest('base64url') },
    getUserInfo: request => visitorOf(request) ?? '',
    getToken: request => formField(request.body, '_csrf'),
    logLevel: 'debug',
  });
  await app.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    cache: 20_000,
    keyGenerator: ({ ip }) => networkOf(ip),
  });
  registerErrorPages(app, options.log);

  const tools: RouteTools = { ...options, streams };
  await app.register(async pages => allRoutes(pages, tools), { prefix: basePath });
  return app;
}

async function allRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  await app.register(assetRoutes);
  await app.register(healthRoutes, tools);
  await app.register(startRoutes, tools);
  await app.register(sessionRoutes, tools);
  await app.register(studyRoutes, tools);
  const { adminToken, metricsToken, log, operators } = tools;
  const guard =
    adminToken === undefined
      ? undefined
      : createAdminGuard(app, { adminToken, tokens: operators.tokens, log });
  if (guard !== undefined) {
    await app.register(adminRoutes, { ...tools, guard });
    await app.register(archiveRoutes, { ...tools, guard });
  }
  if (metricsToken !== undefined)
    await app.register(metricsRoutes, {
      ...tools,
      guard: createAdminGuard(app, { adminToken: metricsToken, tokens: undefined, log }),
    });
  await app.register(async api => apiRoutes(api, { ...tools, guard }), { prefix: '/api' });
}

const ASSETS = {
  'servermgr.css': 'text/css; charset=utf-8',
  'servermgr.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

/** A page in a sandboxed frame has an origin of its own, which is another than theirs. */
const SHARED = { helmet: { crossOriginResourcePolicy: { policy: 'cross-origin' } } } as const;

/** One route a file: no path of a request is ever resolved. */
async function assetRoutes(app: FastifyInstance): Promise<void> {
  for (const [name, type] of Object.entries(ASSETS)) {
    const body = await readFile(join(import.meta.dirname, 'assets', name));
    app.get(`/assets/${name}`, SHARED, (_, reply) =>
      reply.header('content-type', type).header('cache-control', 'public, max-age=300').send(body),
    );
  }
}
