import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { adminRoutes } from './admin-routes.ts';
import { handleFaults } from './errors.ts';
import { newStreams } from './event-stream.ts';
import type { AppOptions, RouteTools } from './route-tools.ts';
import { cookieOptions, formField, visitorOf } from './visitor-cookie.ts';
import { visitorRoutes } from './visitor-routes.ts';

/** Forms are small, and so is everything else that anybody sends. */
const MOST_BODY_BYTES = 8 * 1024;
/** A request that has not arrived after so long is not worth its socket. */
const REQUEST_LIMIT_MS = 15_000;
/** Of one address in a minute: a class behind one address, all of them waiting, stays below it. */
const REQUESTS_PER_MINUTE = 1_200;
/** Sockets besides those of event streams. */
const SPARE_SOCKETS = 2_000;

/** The web application. Request logging is off: an address of a page holds a session's id, which is a secret. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { limits, secret, trustedProxies } = options;
  const log: FastifyBaseLogger = options.log;
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    // From the socket outwards, so many are ours; what they were told by others is only claimed.
    trustProxy: (_address, hop) => hop < trustedProxies,
    bodyLimit: MOST_BODY_BYTES,
    requestTimeout: REQUEST_LIMIT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  app.server.maxConnections = limits.streams + SPARE_SOCKETS;
  const streams = newStreams({ total: limits.streams, perAddress: limits.streamsPerAddress });
  app.addHook('preClose', async () => streams.closeAll());

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  await app.register(cookie, { secret });
  await app.register(formbody, { bodyLimit: MOST_BODY_BYTES });
  await app.register(csrf, {
    cookieOpts: { ...cookieOptions, signed: true },
    // A token serves the visitor for whom it was made, and nobody else. The key is another than the cookies': with
    // that one, the token would hold the signature of the visitor's cookie.
    csrfOpts: { hmacKey: createHmac('sha256', secret).update('forms').digest('base64url') },
    getUserInfo: request => visitorOf(request) ?? '',
    getToken: request => formField(request.body, '_csrf'),
    logLevel: 'debug',
  });
  await app.register(rateLimit, { max: REQUESTS_PER_MINUTE, timeWindow: 60_000, cache: 20_000 });
  handleFaults(app);

  const tools: RouteTools = { ...options, streams };
  await app.register(assetRoutes);
  await app.register(visitorRoutes, tools);
  if (options.adminToken !== undefined) {
    await app.register(adminRoutes, { ...tools, adminToken: options.adminToken });
  }
  return app;
}

const ASSETS = {
  'servermgr.css': 'text/css; charset=utf-8',
  'servermgr.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

/** Each file by its own name: there is no path that could lead anywhere else. */
async function assetRoutes(app: FastifyInstance): Promise<void> {
  for (const [name, type] of Object.entries(ASSETS)) {
    const body = await readFile(join(import.meta.dirname, 'assets', name));
    app.get(`/assets/${name}`, (_, reply) =>
      reply.header('content-type', type).header('cache-control', 'public, max-age=300').send(body),
    );
  }
}
