import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type SessionView, viewsOfVisitor } from '../fleet/view.ts';
import { visitorHash } from '../session-id.ts';
import { seeOther, sessionPath } from './base-path.ts';
import { sendErrorPage, sendPage } from './errors.ts';
import { findSession } from './find-session.ts';
import { legacyStatus } from './legacy-status.ts';
import { networkOf } from './network.ts';
import { waitPage } from './pages/wait.ts';
import { waitView } from './pages/wait-view.ts';
import type { RouteTools } from './route-tools.ts';
import { formField, formToken, visitorOf } from './visitor-cookie.ts';

/** For Retry-After, when too many streams are open. */
const RETRY_S = 60;

type WithId = { Querystring: { q?: unknown; 'not-started'?: unknown } };

/** One session: its waiting page, the events that keep the page up to date, its end, and older clients' /status. */
export async function sessionRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { fleet, streams, worlds } = tools;

  app.get<WithId>('/wait', async (request, reply) => {
    const id = idFromQuery(request);
    if (id === undefined) return seeOther(reply, await ownPage(request));
    const view = await findSession(tools, id);
    if (view === undefined) return unknownSession(reply);
    const own = ownerToken(request, reply, view);
    const notice = own && otherWorldNotice(view, request.query['not-started']);
    const page = { base: app.basePath, id, view: waitView(view), nowMs: Date.now(), notice, own };
    return sendPage(reply, waitPage(page));
  });

  app.get<WithId>('/events', { exposeHeadRoute: false }, async (request, reply) => {
    const id = idFromQuery(request);
    const view = id === undefined ? undefined : await findSession(tools, id);
    if (id === undefined || view === undefined)
      return reply.code(404).send({ error: 'there is no such session' });
    // The stream of a client that has disconnected meanwhile would never be closed.
    if (request.raw.destroyed) return reply.hijack();
    const stream = streams.open(reply, networkOf(request.ip));
    if (stream === undefined) {
      reply.header('retry-after', RETRY_S).header('connection', 'close');
      return reply.code(503).send({ error: 'too many streams are open: the page refreshes itself instead' });
    }
    const send = (now: SessionView) => {
      stream.send('view', { ...waitView(now), now: new Date().toISOString() });
      if (now.ended !== undefined) stream.end();
    };
    stream.onClose(fleet.subscribe(id, send));
    send(view);
    return reply;
  });

  app.post<WithId>('/stop', { preHandler: app.csrfProtection }, async (request, reply) => {
    const id = formField(request.body, 'session') ?? '';
    const view = await findSession(tools, id);
    if (view === undefined || ownerToken(request, reply, view) === undefined) return unknownSession(reply);
    await fleet.stop(view, 'visitor');
    return seeOther(reply, sessionPath(id));
  });

  app.get<WithId>('/status', async (request, reply) => {
    const id = idFromQuery(request);
    const { status, text } = legacyStatus(id, id === undefined ? undefined : await findSession(tools, id));
    return reply
      .code(status)
      .header('content-type', 'text/plain; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(text);
  });

  /** @param asked the id of the world that was asked for while the session ran */
  function otherWorldNotice(view: SessionView, asked: unknown): string | undefined {
    const [has, other] = [view.world, asked].map(world => worlds.find(({ id }) => id === world)?.title);
    if (has === undefined || other === undefined || view.ended !== undefined) return undefined;
    return `You have a session in “${has}” already; “${other}” was not started: one at a time.`;
  }

  /** The page of the visitor's latest session. */
  async function ownPage(request: FastifyRequest): Promise<string> {
    const visitor = visitorOf(request);
    if (visitor === undefined) return '/';
    const [latest] = viewsOfVisitor((await fleet.snapshot()).views, visitor);
    return latest === undefined ? '/' : sessionPath(latest.id);
  }
}

/** The token with which a visitor may end their own session; undefined: it is another visitor's. */
function ownerToken(
  request: FastifyRequest,
  reply: FastifyReply,
  view: SessionView,
): { csrf: string } | undefined {
  const visitor = visitorOf(request);
  if (visitor === undefined || visitorHash(visitor) !== view.visitorHash) return undefined;
  return { csrf: formToken(reply, visitor) };
}

function unknownSession(reply: FastifyReply): FastifyReply {
  return sendErrorPage(
    reply,
    404,
    'There is no such session',
    'Its address may be mistyped, or it is long over.',
  );
}

function idFromQuery(request: FastifyRequest<WithId>): string | undefined {
  const { q } = request.query;
  return typeof q === 'string' && q !== '' ? q : undefined;
}
