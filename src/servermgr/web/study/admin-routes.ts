import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { openStudyExports } from '../../database/study-export.ts';
import { createIdentities } from '../../studies/identities.ts';
import { SOURCES, type Study, studyNumber } from '../../studies/study.ts';
import { type FormFields, fieldsOf, newStudyFields, readStudyForm } from '../../studies/study-form.ts';
import { seeOther } from '../base-path.ts';
import { sendErrorPage, sendPage } from '../errors.ts';
import { deletedPage } from '../pages/studies/deleted.ts';
import { type StudyFormPage, studyFormPage } from '../pages/studies/form.ts';
import { studiesPage } from '../pages/studies/list.ts';
import { studyPage } from '../pages/studies/study.ts';
import type { RouteTools } from '../route-tools.ts';
import { ensureVisitor, formField, formToken } from '../visitor-cookie.ts';
import { sendParticipations } from './export.ts';
import { codesIn, linksCsv } from './links.ts';

/** Of a form: the texts of a study are long. */
const BODY_LIMIT = 256 * 1_024;
const DAY_MS = 86_400_000;
const MAX_DAYS = 365;

interface WithNumber {
  Params: { number: string };
}

/** Studies, for the people who run them. Who may see these pages is checked before. */
export async function studyAdminRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { recruitment, worlds, agents, secret, database } = tools;
  const { studies } = recruitment;
  const exports = openStudyExports(database);
  const identities = createIdentities(secret);
  const choices = { worlds: worlds.map(({ id }) => id), agents: agents.map(({ id }) => id) };
  const posted = { preHandler: app.csrfProtection, bodyLimit: BODY_LIMIT };

  app.get('/admin/studies', async (_, reply) =>
    sendPage(reply, studiesPage({ base: app.basePath, studies: await studies.all(), nowMs: Date.now() })),
  );

  app.get('/admin/studies/new', async (request, reply) =>
    sendForm(request, reply, {
      ...{ title: 'New study', action: `${app.basePath}/admin/studies`, faults: [] },
      fields: newStudyFields(choices.worlds[0] ?? ''),
    }),
  );

  app.post('/admin/studies', posted, async (request, reply) => {
    const fields = fieldsIn(request.body);
    const read = readStudyForm(fields, choices);
    if (read.kind === 'ok')
      return seeOther(reply, `/admin/studies/${await studies.create(read.form, Date.now())}`);
    const action = `${app.basePath}/admin/studies`;
    return sendForm(request, reply.code(422), { title: 'New study', action, fields, faults: read.faults });
  });

  withStudy('get', '', async (study, request, reply) =>
    sendPage(
      reply,
      studyPage({
        ...{ base: app.basePath, origin: `${request.protocol}://${request.host}`, study, nowMs: Date.now() },
        csrf: formToken(reply, ensureVisitor(request, reply)),
        counts: await exports.counts(study.number),
      }),
    ),
  );

  withStudy('get', '/edit', async (study, request, reply) => {
    const texts = await studies.texts(study.number, study.textVersion);
    if (texts === undefined) return noSuchStudy(reply);
    return sendForm(request, reply, { ...editOf(study), fields: fieldsOf({ ...study, texts }), faults: [] });
  });

  withStudy('post', '', async (study, request, reply) => {
    const fields = fieldsIn(request.body);
    const read = readStudyForm(fields, choices);
    if (read.kind === 'faulty')
      return sendForm(request, reply.code(422), { ...editOf(study), fields, faults: read.faults });
    await studies.change(study, read.form, Date.now());
    return leadTo(reply, study);
  });

  withStudy('post', '/close', async ({ number }, _, reply) => {
    await studies.setClosed(number, Date.now());
    return seeOther(reply, `/admin/studies/${number}`);
  });

  withStudy('post', '/open', async ({ number }, _, reply) => {
    await studies.setClosed(number, undefined);
    return seeOther(reply, `/admin/studies/${number}`);
  });

  withStudy('post', '/withdraw', async (study, _, reply) => {
    await studies.withdrawLinks(study);
    return leadTo(reply, study);
  });

  withStudy('post', '/links', async (study, request, reply) => {
    const days = Number(formField(request.body, 'days'));
    if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS)
      return sendErrorPage(reply, 400, 'No links were made', `Links are valid for 1 to ${MAX_DAYS} days.`);
    try {
      const codes = codesIn(formField(request.body, 'labels') ?? '');
      const url = `${request.protocol}://${request.host}${app.basePath}/study/${study.number}`;
      const csv = linksCsv(study, codes, { secret, url, expiresMs: Date.now() + days * DAY_MS });
      return reply
        .header('content-type', 'text/csv; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename="study-${study.number}-links.csv"`)
        .send(csv);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return sendErrorPage(reply, 400, 'No links were made', error.message);
    }
  });

  for (const format of ['csv', 'json'] as const)
    withStudy('get', `/participations.${format}`, async ({ number }, _, reply) =>
      sendParticipations(reply, await exports.rows(number), { study: number, format }),
    );

  withStudy('post', '/delete', async (study, request, reply) => {
    const person = formField(request.body, 'person')?.trim() ?? '';
    const ids = { study: study.number, person, submission: '' };
    for (const source of SOURCES) {
      const { personKey } = identities.keysOf({ ...ids, source });
      const deleted = await exports.delete(study.number, { pseudonym: person, personKey });
      if (deleted === 'active')
        return sendErrorPage(
          reply,
          409,
          'They take part just now',
          'Stop their session first, or wait until it is over.',
        );
      if (deleted !== undefined) return sendPage(reply, deletedPage({ base: app.basePath, study, deleted }));
    }
    return sendErrorPage(
      reply,
      404,
      'There is no such participant',
      'Write the pseudonym, as P-…, or the platform’s id as it is.',
    );
  });

  function withStudy(
    method: 'get' | 'post',
    path: string,
    handle: (study: Study, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
  ): void {
    const options = method === 'post' ? posted : {};
    app[method]<WithNumber>(`/admin/studies/:number${path}`, options, async (request, reply) => {
      const number = studyNumber(request.params.number);
      const study = number === undefined ? undefined : await studies.find(number);
      return study === undefined ? noSuchStudy(reply) : handle(study, request, reply);
    });
  }

  function sendForm(
    request: FastifyRequest,
    reply: FastifyReply,
    form: Pick<StudyFormPage, 'title' | 'action' | 'fields' | 'faults'>,
  ): FastifyReply {
    const csrf = formToken(reply, ensureVisitor(request, reply));
    return sendPage(reply, studyFormPage({ ...form, base: app.basePath, csrf, worlds, agents }));
  }

  function editOf({ number, name }: Study) {
    return { title: `Change ${name}`, action: `${app.basePath}/admin/studies/${number}` };
  }
}

function leadTo(reply: FastifyReply, { number }: Study): FastifyReply {
  return seeOther(reply, `/admin/studies/${number}`);
}

function noSuchStudy(reply: FastifyReply): FastifyReply {
  return sendErrorPage(reply, 404, 'There is no such study', 'Its number may be mistyped.');
}

/** A field that is given twice counts as missing. */
function fieldsIn(body: unknown): FormFields {
  if (typeof body !== 'object' || body === null) return {};
  const entries = Object.entries(body).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries.map(([name, text]) => [name, text.replaceAll('\r\n', '\n')]));
}
