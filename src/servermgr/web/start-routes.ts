import type { FastifyInstance } from 'fastify';
import { viewsOfVisitor } from '../fleet/view.ts';
import { isToken, randomToken } from '../session-id.ts';
import { seeOther } from './base-path.ts';
import { sendErrorPage, sendPage } from './errors.ts';
import { sendLaunchResult } from './launch-result.ts';
import { networkOf } from './network.ts';
import { clearPage } from './pages/clear.ts';
import { homePage } from './pages/home.ts';
import type { RouteTools } from './route-tools.ts';
import { clearVisitor, ensureVisitor, formField, formToken, visitorOf } from './visitor-cookie.ts';

const LAUNCH_WINDOW_MS = 600_000;

/** The start page and its form. */
export async function startRoutes(
  app: FastifyInstance,
  { fleet, worlds, limits }: RouteTools,
): Promise<void> {
  app.get('/', async (request, reply) => {
    const visitor = ensureVisitor(request, reply);
    const { views } = await fleet.snapshot();
    const page = homePage({
      base: app.basePath,
      worlds,
      yours: viewsOfVisitor(views, visitor),
      usual: fleet.usual(),
      csrf: formToken(reply, visitor),
      launchToken: randomToken(),
      capacity: { used: views.filter(({ ended }) => ended === undefined).length, limit: limits.fleet },
    });
    return sendPage(reply, page);
  });

  app.post(
    '/launch',
    {
      preHandler: app.csrfProtection,
      config: { rateLimit: { max: limits.presses, timeWindow: LAUNCH_WINDOW_MS } },
    },
    async (request, reply) => {
      const visitor = visitorOf(request);
      const token = formField(request.body, 'press');
      const world = formField(request.body, 'world');
      if (visitor === undefined || !isToken(token) || world === undefined) {
        return sendErrorPage(reply, 400, 'That was not understood', 'Go back, and press the button again.');
      }
      const result = await fleet.launch({ visitor, token, world, network: networkOf(request.ip) });
      return sendLaunchResult(reply, result, world);
    },
  );

  // A GET must start nothing: crawlers and link previews follow these addresses, which older pages linked to.
  for (const url of ['/launch', '/launch/:world']) {
    app.get(url, (_, reply) =>
      sendErrorPage(
        reply.header('allow', 'POST'),
        405,
        'Press the button to start',
        'Opening this address starts nothing. The green button does.',
      ),
    );
  }

  // Older pages linked to it; what a GET does is done by whoever previews a link as well.
  app.get('/clear', (request, reply) =>
    sendPage(reply, clearPage({ base: app.basePath, csrf: formToken(reply, ensureVisitor(request, reply)) })),
  );

  app.post('/clear', { preHandler: app.csrfProtection }, (_, reply) => {
    clearVisitor(reply);
    return seeOther(reply, '/');
  });
}
