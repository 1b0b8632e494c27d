import type { FastifyInstance, FastifyReply } from 'fastify';
import type { LaunchResult } from '../fleet/fleet.ts';
import { viewsOfVisitor } from '../fleet/view.ts';
import { isToken, randomToken } from '../session-id.ts';
import { seeOther, sessionPath } from './base-path.ts';
import { sendErrorPage, sendPage } from './errors.ts';
import { networkOf } from './network.ts';
import { clearPage } from './pages/clear.ts';
import { homePage } from './pages/home.ts';
import type { RouteTools } from './route-tools.ts';
import { clearVisitor, ensureVisitor, formField, formToken, visitorOf } from './visitor-cookie.ts';

const LAUNCH_WINDOW_MS = 600_000;
/** For Retry-After: sessions last for minutes, so that an earlier retry is of little use. */
const RETRY_S = 60;

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
      return sendLaunchResult(
        reply,
        await fleet.launch({ visitor, token, world, network: networkOf(request.ip) }),
      );
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

function sendLaunchResult(reply: FastifyReply, result: LaunchResult): FastifyReply {
  switch (result.kind) {
    case 'launched':
    case 'already-running':
      return seeOther(reply, sessionPath(result.id));
    case 'full':
      return sendErrorPage(
        reply.header('retry-after', RETRY_S),
        503,
        'All places are taken',
        `${result.limit} sessions are running, which is all that there is room for. One ends every few minutes: try again soon.`,
      );
    case 'no-capacity':
      return sendErrorPage(
        reply.header('retry-after', RETRY_S),
        503,
        'No machine could be found',
        `Your server was not started: ${result.why}. Try again in a few minutes.`,
      );
    case 'unknown-world':
      return sendErrorPage(
        reply,
        400,
        'That world does not exist',
        'Go back, and choose one of those that do.',
      );
    default:
      return sendErrorPage(reply.header('retry-after', RETRY_S), 503, 'Not now', result.kind);
  }
}
