import type { FastifyInstance } from 'fastify';
import * as v from 'valibot';
import { adminAt } from '../../fleet/who.ts';
import { isSessionName } from '../../session-id.ts';
import { adminSessionPath, seeOther } from '../base-path.ts';
import { noSuchSession, sendPage } from '../errors.ts';
import { networkOf } from '../network.ts';
import { MAX_NOTE, notePage } from '../pages/note.ts';
import { sessionPage } from '../pages/session.ts';
import type { RouteTools } from '../route-tools.ts';
import { ensureVisitor, formField, formToken } from '../visitor-cookie.ts';
import { readSessionFacts } from './session-facts.ts';

type WithName = { Querystring: { name?: unknown } };

/** A form has nine bytes for a character of three. */
const NOTE_FORM_BYTES = 32 * 1024;

const NoteText = v.pipe(
  v.string('Write something.'),
  v.transform(text => text.replaceAll('\r\n', '\n').replaceAll(/(?!\n|\t)\p{Cc}/gu, '')),
  v.trim(),
  v.minLength(1, 'Write something.'),
  v.maxLength(MAX_NOTE, `A note has at most ${MAX_NOTE} characters.`),
);

/** One session's page, and the notes on it. */
export async function sessionPageRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { history, notes } = tools.operators;

  app.get<WithName>('/admin/session', async (request, reply) => {
    const { name } = request.query;
    if (typeof name !== 'string' || !isSessionName(name)) return noSuchSession(reply);
    const facts = await readSessionFacts(tools, name);
    if (facts === undefined) return noSuchSession(reply);
    const csrf = formToken(reply, ensureVisitor(request, reply));
    const written = facts.record === undefined ? [] : await notes.of(facts.record.session.id);
    return sendPage(reply, sessionPage({ base: app.basePath, facts, notes: written, csrf }));
  });

  app.get<WithName>('/admin/note', async (request, reply) => {
    const { name } = request.query;
    if (typeof name !== 'string' || !isSessionName(name)) return noSuchSession(reply);
    const csrf = formToken(reply, ensureVisitor(request, reply));
    return sendPage(reply, notePage({ base: app.basePath, name, text: '', fault: undefined, csrf }));
  });

  const options = { preHandler: app.csrfProtection, bodyLimit: NOTE_FORM_BYTES };
  app.post('/admin/note', options, async (request, reply) => {
    const name = formField(request.body, 'session') ?? '';
    const known = isSessionName(name) ? await history.find(name) : undefined;
    if (known === undefined) return noSuchSession(reply);
    const given = formField(request.body, 'text') ?? '';
    const text = v.safeParse(NoteText, given);
    if (!text.success) {
      const csrf = formToken(reply, ensureVisitor(request, reply));
      const page = { base: app.basePath, name, text: given, fault: text.issues[0].message, csrf };
      return sendPage(reply.code(400), notePage(page));
    }
    const who = adminAt(networkOf(request.ip));
    await notes.add(known.record.session.id, { atMs: Date.now(), who, text: text.output });
    return seeOther(reply, adminSessionPath(name));
  });
}
