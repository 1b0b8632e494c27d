import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { timeoutSignal } from '../../runtime/abort.ts';
import type { Pressed } from '../fleet/fleet.ts';
import { type SessionView, viewOfReport } from '../fleet/view.ts';
import { askedAtMs, isToken, nameOf, randomToken, visitorMark } from '../session-id.ts';
import { sendMessage, sendPage } from './errors.ts';
import { legacyStatus } from './legacy-status.ts';
import { homePage } from './pages/home.ts';
import { waitPage } from './pages/wait.ts';
import { waitView } from './pages/wait-view.ts';
import type { RouteTools } from './route-tools.ts';
import { formField, formToken, goodbye, visitorOf, welcome } from './visitor-cookie.ts';

const TEN_MINUTES_MS = 600_000;
const STORE_LIMIT_MS = 10_000;
/** Full: sessions last for minutes, so that trying again at once is of little use. */
const RETRY_S = 60;

type WithQuestion = { Querystring: { q?: unknown } };

/** What visitors see: the button, the waiting page, and what older clients ask for. */
export async function visitorRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { fleet, archives, worlds, limits, streams } = tools;

  app.get('/', async (request, reply) => {
    const visitor = welcome(request, reply);
    const { views } = await fleet.look();
    const page = homePage({
      worlds,
      yours: ofVisitor(views, visitor),
      csrf: formToken(reply, visitor),
      press: randomToken(),
      places: { taken: views.filter(isAlive).length, limit: limits.fleet },
    });
    return sendPage(reply, page);
  });

  app.post(
    '/launch',
    {
      preHandler: app.csrfProtection,
      config: { rateLimit: { max: limits.pressesPerAddress, timeWindow: TEN_MINUTES_MS } },
    },
    async (request, reply) => {
      const visitor = visitorOf(request);
      const token = formField(request.body, 'press');
      const world = formField(request.body, 'world');
      if (visitor === undefined || !isToken(token) || world === undefined) {
        return sendMessage(reply, 400, 'That was not understood', 'Go back, and press the button again.');
      }
      return answerPress(reply, await fleet.press({ visitor, token, world }));
    },
  );

  // Until now a GET started a task: every crawler and every link preview had a machine of its own.
  for (const url of ['/launch', '/launch/:world']) {
    app.get(url, (_, reply) =>
      sendMessage(
        reply.header('allow', 'POST'),
        405,
        'Press the button to start',
        'Opening this address starts nothing. The green button does.',
      ),
    );
  }

  app.get<WithQuestion>('/wait', async (request, reply) => {
    const id = question(request);
    if (id === undefined) return reply.redirect(await ownPage(request), 303);
    const view = await find(id);
    if (view === undefined) return unknownSession(reply);
    return sendPage(
      reply,
      waitPage({ id, view: waitView(view), nowMs: Date.now(), own: own(request, reply, view) }),
    );
  });

  app.get<WithQuestion>('/events', { exposeHeadRoute: false }, async (request, reply) => {
    const id = question(request);
    const view = id === undefined ? undefined : await find(id);
    if (id === undefined || view === undefined)
      return reply.code(404).send({ error: 'there is no such session' });
    // Whoever has gone meanwhile would leave a stream that nobody ends.
    if (request.raw.destroyed) return reply.hijack();
    const stream = streams.open(reply, request.ip);
    if (stream === undefined) {
      reply.header('retry-after', RETRY_S).header('connection', 'close');
      return reply.code(503).send({ error: 'too many streams are open: the page refreshes itself instead' });
    }
    const tell = (now: SessionView) => {
      stream.send('view', waitView(now));
      if (now.ended !== undefined) stream.end();
    };
    stream.onClose(fleet.follow(id, tell));
    tell(view);
    return reply;
  });

  app.post<WithQuestion>('/stop', { preHandler: app.csrfProtection }, async (request, reply) => {
    const id = formField(request.body, 'session') ?? '';
    const view = await find(id);
    if (view === undefined || own(request, reply, view) === undefined) return unknownSession(reply);
    await fleet.stop(view, 'visitor');
    return reply.redirect(`/wait?q=${encodeURIComponent(id)}`, 303);
  });

  app.get<WithQuestion>('/status', async (request, reply) => {
    const id = question(request);
    const { status, text } = legacyStatus(id, id === undefined ? undefined : await find(id));
    return reply
      .code(status)
      .header('content-type', 'text/plain; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(text);
  });

  app.get('/clear', (_, reply) => {
    goodbye(reply);
    return reply.redirect('/', 303);
  });

  app.get('/health', { config: { rateLimit: false } }, () => ({ ok: true }));

  /** A session as its launcher tells, or as the bucket remembers it. */
  async function find(id: string): Promise<SessionView | undefined> {
    const name = nameOf(id);
    if (name === undefined) return undefined;
    const { views } = await fleet.look();
    const view = views.find(one => one.id === id);
    if (view !== undefined) return view;
    const report = await archives.report(name, timeoutSignal(STORE_LIMIT_MS));
    return report === undefined ? undefined : viewOfReport(name, askedAtMs(id) ?? 0, report);
  }

  async function ownPage(request: FastifyRequest): Promise<string> {
    const visitor = visitorOf(request);
    if (visitor === undefined) return '/';
    const [latest] = ofVisitor((await fleet.look()).views, visitor);
    return latest === undefined ? '/' : `/wait?q=${encodeURIComponent(latest.id)}`;
  }

  /** What lets the visitor end a session that is his. */
  function own(
    request: FastifyRequest,
    reply: FastifyReply,
    view: SessionView,
  ): { csrf: string } | undefined {
    const visitor = visitorOf(request);
    if (visitor === undefined || visitorMark(visitor) !== view.visitor) return undefined;
    return { csrf: formToken(reply, visitor) };
  }
}

function answerPress(reply: FastifyReply, pressed: Pressed): FastifyReply {
  switch (pressed.how) {
    case 'launched':
    case 'yours-already':
      return reply.redirect(`/wait?q=${encodeURIComponent(pressed.id)}`, 303);
    case 'full':
      return sendMessage(
        reply.header('retry-after', RETRY_S),
        503,
        'All places are taken',
        `${pressed.limit} sessions are running, which is all that there is room for. One ends every few minutes: try again soon.`,
      );
    case 'no-room':
      return sendMessage(
        reply.header('retry-after', RETRY_S),
        503,
        'No machine could be found',
        `Your server was not started: ${pressed.why}. Try again in a few minutes.`,
      );
    case 'unknown-world':
      return sendMessage(
        reply,
        400,
        'That world does not exist',
        'Go back, and choose one of those that do.',
      );
    default:
      return pressed satisfies never;
  }
}

function unknownSession(reply: FastifyReply): FastifyReply {
  return sendMessage(
    reply,
    404,
    'There is no such session',
    'Its address may be mistyped, or it is long over.',
  );
}

function question(request: FastifyRequest<WithQuestion>): string | undefined {
  const { q } = request.query;
  return typeof q === 'string' && q !== '' ? q : undefined;
}

function ofVisitor(views: readonly SessionView[], visitor: string): SessionView[] {
  const mark = visitorMark(visitor);
  return views.filter(view => view.visitor === mark).sort((a, b) => b.askedMs - a.askedMs);
}

function isAlive({ ended }: SessionView): boolean {
  return ended === undefined;
}
