import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SessionView } from '../../fleet/view.ts';
import type { Participation } from '../../studies/participation.ts';
import { isOverdueAt } from '../../studies/recruitment.ts';
import type { Study } from '../../studies/study.ts';
import type { EventStream } from '../event-stream.ts';
import { networkOf } from '../network.ts';
import { stateOfPlaying } from '../pages/study/playing.ts';
import { placeText, stateOfWaiting } from '../pages/study/waiting.ts';
import { waitView } from '../pages/wait-view.ts';
import type { RouteTools } from '../route-tools.ts';
import type { Visit } from './pages.ts';

/** Somebody who was not seen for so many looks takes part no more. */
const MOMENT_LOOKS = 5;
/** For Retry-After, when too many streams are open. */
const RETRY_S = 60;

interface EventsOptions extends RouteTools {
  readonly visitOf: (request: FastifyRequest<WithTicket>) => Promise<Visit | { readonly refused: unknown }>;
}

interface WithTicket {
  Params: { number: string };
  Querystring: { t?: unknown };
}

/** What is new for somebody who takes part: that their page shows something else now, or what has changed on it. */
export async function studyEvents(app: FastifyInstance, tools: EventsOptions): Promise<void> {
  const { recruitment, streams, fleet } = tools;

  app.get<WithTicket>('/study/:number/events', { exposeHeadRoute: false }, async (request, reply) => {
    const visit = await tools.visitOf(request);
    if ('refused' in visit) return reply.code(404).send({ error: 'that page is not known' });
    const standing = await recruitment.standing(visit.study, visit.ticket);
    const over =
      standing.kind === 'over'
        ? await recruitment.sessionOf(standing.participation).catch(() => undefined)
        : undefined;
    if (request.raw.destroyed) return reply.hijack();
    // A page in a sandboxed frame has an origin of its own; what is told needs its ticket, and no cookie.
    reply.header('access-control-allow-origin', '*');
    const stream = streams.open(reply, networkOf(request.ip));
    if (stream === undefined) {
      reply.header('retry-after', RETRY_S).header('connection', 'close');
      return reply.code(503).send({ error: 'too many streams are open: the page refreshes itself instead' });
    }
    if (standing.kind === 'active') follow(visit.study, standing.participation, stream);
    else if (standing.kind === 'over') followEnd(standing.participation, over, stream);
    else stream.end();
    return reply;
  });

  /** Of a session that is over it is told what was saved, as soon as that is known. */
  function followEnd(
    { session, outcome }: Participation,
    view: SessionView | undefined,
    stream: EventStream,
  ): void {
    const state = `over ${outcome}`;
    function tell(now: SessionView | undefined): void {
      const isLast = session === undefined || now?.ended?.report !== undefined;
      stream.send('study', { state, saved: now === undefined ? '' : waitView(now).archive, isLast });
      if (isLast) stream.end();
    }
    if (session !== undefined) stream.onClose(fleet.subscribe(session, tell));
    tell(view);
  }

  function follow(study: Study, first: Participation, stream: EventStream): void {
    let sent = '';
    let subscribed: string | undefined;
    /** What is known of those who take part may be a moment older than the page. */
    let unseen = 0;

    function look(): void {
      const participation = recruitment.active(first.id);
      unseen = participation === undefined ? unseen + 1 : Number.POSITIVE_INFINITY;
      if (unseen < MOMENT_LOOKS) return;
      const state = participation === undefined ? 'over' : stateOf(study, participation);
      const place = placeText(recruitment.place(first.id));
      const text = JSON.stringify({ state, place });
      if (text !== sent) stream.send('study', { state, place });
      sent = text;
      const session = participation?.session;
      if (session === undefined || session === subscribed) return;
      subscribed = session;
      stream.onClose(fleet.subscribe(session, view => sendView(stream, view)));
      const now = fleet.peek(session);
      if (now !== undefined) sendView(stream, now);
    }

    stream.onClose(recruitment.follow(first.id, look));
  }

  function stateOf(study: Study, { state, queuedMs, session }: Participation): string {
    if (state === 'reserved') return 'reserved';
    const isOverdue = queuedMs !== undefined && isOverdueAt(study, queuedMs, Date.now());
    if (session === undefined) return stateOfWaiting(isOverdue);
    return stateOfPlaying(isOverdue && fleet.peek(session)?.phase === 'starting');
  }
}

function sendView(stream: EventStream, view: SessionView): void {
  stream.send('view', { ...waitView(view), now: new Date().toISOString() });
}
