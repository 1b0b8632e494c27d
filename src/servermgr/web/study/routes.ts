import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Participation } from '../../studies/participation.ts';
import type { Consented } from '../../studies/recruitment.ts';
import { type Study, studyNumber } from '../../studies/study.ts';
import { sendPage } from '../errors.ts';
import { studyMessage } from '../pages/study/study-page.ts';
import type { RouteTools } from '../route-tools.ts';
import { formField } from '../visitor-cookie.ts';
import { readEntry } from './entry.ts';
import { registerStudyErrors } from './errors.ts';
import { studyEvents } from './events.ts';
import { framedBy } from './framing.ts';
import { createStudyPages, type Visit } from './pages.ts';
import { createTickets } from './ticket.ts';

interface WithNumber {
  Params: { number: string };
  Querystring: { t?: unknown; declined?: unknown };
}

/**
 * The way of a participant: consent, instructions, the wait, the game, and a way out. The address that platforms open is
 * exchanged for a ticket, so that ids stay out of logs; forms carry the ticket, and no cookie is needed.
 */
export async function studyRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { recruitment, secret, mturk } = tools;
  const tickets = createTickets(secret);
  const pages = createStudyPages(tools, tickets);
  const framed = { helmet: framedBy(mturk) };
  registerStudyErrors(app, tools);

  app.get<WithNumber>('/study/:number', framed, async (request, reply) => {
    if (typeof request.query.t === 'string') {
      const visit = await visitOf(request, request.query.t);
      return 'refused' in visit ? send(reply, visit.refused) : pages.send(reply, visit, request.query);
    }
    const study = await studyOf(request);
    if (study === undefined) return send(reply, NO_STUDY);
    const entry = readEntry(study, request.query, { secret, submitOrigins: mturk.forms });
    if (entry.kind === 'refused') return send(reply, entry);
    if (entry.kind === 'preview') return pages.sendPreview(reply, study);
    const ticket = tickets.issue(entry.ticket, Date.now());
    return leadTo(reply, study, ticket);
  });

  app.post<WithNumber>('/study/:number/consent', framed, async (request, reply) => {
    const visit = await formOf(request);
    if ('refused' in visit) return send(reply, visit.refused);
    const { study, ticket, text } = visit;
    const version = Number(formField(request.body, 'version'));
    if (!Number.isInteger(version) || version < 1 || version > study.textVersion)
      return send(reply, NOT_OURS);
    const answer = formField(request.body, 'answer');
    if (answer === 'no') {
      await recruitment.refuse(study, ticket.source, tickets.refusalId(text));
      return leadTo(reply, study, text, '&declined=1');
    }
    if (answer !== 'yes') return send(reply, NOT_OURS);
    const { prolificStudy, submitUrl: _, ...identity } = ticket;
    const entry = await recruitment.consent(study, { identity, prolificStudy, textVersion: version });
    const refused = refusalOf(entry);
    return refused === undefined ? leadTo(reply, study, text) : send(reply, refused);
  });

  /** One form of somebody who takes part. */
  function action(path: string, act: (study: Study, participation: Participation) => Promise<void>): void {
    app.post<WithNumber>(`/study/:number${path}`, framed, async (request, reply) => {
      const visit = await formOf(request);
      if ('refused' in visit) return send(reply, visit.refused);
      const standing = await recruitment.standing(visit.study, visit.ticket);
      if (standing.kind === 'active') await act(visit.study, standing.participation);
      return leadTo(reply, visit.study, visit.text);
    });
  }

  action('/begin', (_, participation) => recruitment.begin(participation));
  action('/end', (_, participation) => recruitment.end(participation));
  action('/leave', (study, participation) => recruitment.leave(study, participation));

  await app.register(async events =>
    studyEvents(events, { ...tools, visitOf: request => visitOf(request, request.query.t) }),
  );

  async function formOf(request: FastifyRequest<WithNumber>): Promise<Visit | Refused> {
    const text = formField(request.body, 't') ?? '';
    if (!tickets.isFormToken(text, formField(request.body, 'form') ?? '')) return { refused: NOT_OURS };
    return visitOf(request, text);
  }

  async function visitOf(request: FastifyRequest<WithNumber>, text: unknown): Promise<Visit | Refused> {
    const opened = typeof text === 'string' ? tickets.read(text, Date.now()) : { kind: 'bad' as const };
    if (typeof text !== 'string' || opened.kind === 'bad') return { refused: NOT_OURS };
    if (opened.kind === 'expired') return { refused: TOO_OLD };
    const study = await studyOf(request);
    if (study === undefined || study.number !== opened.value.study) return { refused: NO_STUDY };
    return { study, ticket: opened.value, text };
  }

  async function studyOf({ params }: FastifyRequest<WithNumber>): Promise<Study | undefined> {
    const number = studyNumber(params.number);
    return number === undefined ? undefined : recruitment.studies.find(number);
  }
}

interface Message {
  readonly status: number;
  readonly title: string;
  readonly text: string;
}

interface Refused {
  readonly refused: Message;
}

const NO_STUDY: Message = {
  status: 404,
  title: 'There is no such study',
  text: 'The address may be mistyped, or the study is long over.',
};
const NOT_OURS: Message = {
  status: 400,
  title: 'Open your link once more',
  text: 'This page does not say who you are. Go back to where you found the study, and open it from there: you lose nothing.',
};
const TOO_OLD: Message = {
  status: 410,
  title: 'This page is too old',
  text: 'Go back to where you found the study, and open it from there: you lose nothing.',
};

/** Why somebody who has agreed does not come in; undefined: their page tells. */
function refusalOf(entry: Consented): Message | undefined {
  if (entry.kind !== 'not-eligible') return undefined;
  return {
    status: 403,
    title: 'You are not eligible for this study',
    text: 'Prolific says that this submission is not, or not any more, one of yours for this study. Open the study from Prolific, and not by an old link.',
  };
}

function send(reply: FastifyReply, { status, title, text }: Message): FastifyReply {
  return sendPage(reply.code(status), studyMessage(reply.server.basePath, title, text));
}

/** @param ticket it says nothing to whoever reads it in a log */
function leadTo(reply: FastifyReply, { number }: Study, ticket: string, more = ''): FastifyReply {
  return reply.redirect(`${reply.server.basePath}/study/${number}?t=${ticket}${more}`, 303);
}
