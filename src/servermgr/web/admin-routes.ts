import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { timeoutSignal } from '../../runtime/abort.ts';
import { type SessionView, viewOfReport } from '../fleet/view.ts';
import { isName, nameMs } from '../session-id.ts';
import { guard } from './admin-auth.ts';
import { sendMessage, sendPage } from './errors.ts';
import { type AdminRow, adminPage } from './pages/admin.ts';
import type { RouteTools } from './route-tools.ts';
import { formField, formToken, welcome } from './visitor-cookie.ts';

/** Listing a bucket takes a while, and it changes slowly. */
const BUCKET_AGE_MS = 30_000;
const STORE_LIMIT_MS = 20_000;
const MOST_ROWS = 100;

/** For the people who run the study. */
export async function adminRoutes(
  app: FastifyInstance,
  tools: RouteTools & { readonly adminToken: string },
): Promise<void> {
  const { fleet, archives, presigner, limits, launcher, log } = tools;
  let remembered = { atMs: Number.NEGATIVE_INFINITY, names: [] as readonly string[] };
  app.addHook('onRequest', guard(app, tools.adminToken));

  app.get('/admin', async (request, reply) => {
    const visitor = welcome(request, reply);
    const { views, fault } = await fleet.look();
    const page = adminPage({
      sessions: await rowsOf(views),
      limit: limits.fleet,
      launcher,
      fault,
      csrf: formToken(reply, visitor),
      nowMs: Date.now(),
    });
    return sendPage(reply, page);
  });

  app.post('/admin/stop', { preHandler: app.csrfProtection }, async (request, reply) => {
    const { views } = await fleet.look();
    const view = views.find(({ name }) => name === formField(request.body, 'session'));
    if (view === undefined) return noSuchSession(reply);
    await fleet.stop(view, 'admin');
    return reply.redirect('/admin', 303);
  });

  app.post('/admin/recover', { preHandler: app.csrfProtection }, async (request, reply) => {
    const name = formField(request.body, 'session') ?? '';
    if (!isName(name)) return noSuchSession(reply);
    const { views } = await fleet.look();
    const alive = views.some(view => view.name === name && view.ended === undefined);
    if (alive)
      return sendMessage(reply, 409, 'It is still running', 'A session is recovered when it has ended.');
    await fleet.recover(name);
    return reply.redirect('/admin', 303);
  });

  app.get<{ Querystring: { session?: unknown } }>('/admin/archive', async (request, reply) => {
    const name = request.query.session;
    if (typeof name !== 'string' || !isName(name)) return noSuchSession(reply);
    const archive = (await archives.report(name, limit()))?.archive;
    if (archive === undefined) return noSuchSession(reply);
    const fileName = `${name}-${basename(archive.key)}`.replaceAll(':', '-');
    return presigner === undefined
      ? handOut(request, reply, { ...archive, fileName })
      : reply
          .header('cache-control', 'no-store')
          .redirect(await presigner.urlFor(archive.key, fileName), 302);
  });

  async function handOut(
    request: FastifyRequest,
    reply: FastifyReply,
    { key, bytes, fileName }: { key: string; bytes: number; fileName: string },
  ): Promise<FastifyReply> {
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    const body = await archives.read(key, gone.signal);
    if (body === undefined) return noSuchSession(reply);
    return reply
      .header('content-type', 'application/octet-stream')
      .header('content-disposition', `attachment; filename="${fileName}"`)
      .header('content-length', bytes)
      .send(Readable.from(body));
  }

  /** Those that the launcher tells of, then those that only the bucket remembers. */
  async function rowsOf(views: readonly SessionView[]): Promise<AdminRow[]> {
    const known = new Set(views.map(({ name }) => name));
    const names = (await namesInBucket()).filter(name => !known.has(name));
    const older = await Promise.all(
      names.map(async name => viewOfReport(name, nameMs(name), await archives.report(name, limit()))),
    );
    const rows = [...views, ...older].sort((a, b) => b.askedMs - a.askedMs).slice(0, MOST_ROWS);
    return Promise.all(rows.map(async view => ({ view, recoverable: await isRecoverable(view) })));
  }

  async function namesInBucket(): Promise<readonly string[]> {
    if (Date.now() - remembered.atMs < BUCKET_AGE_MS) return remembered.names;
    try {
      const names = await archives.recent(Date.now(), limit());
      remembered = { atMs: Date.now(), names: names.slice(0, MOST_ROWS) };
    } catch (error) {
      log.warn({ event: 'destination_list_failed', err: error }, 'destination could not be listed');
    }
    return remembered.names;
  }

  async function isRecoverable({ name, ended }: SessionView): Promise<boolean> {
    if (ended === undefined || ended.report?.archive !== undefined || !isName(name)) return false;
    return archives.hasJournal(name, limit()).catch(() => false);
  }
}

function limit(): AbortSignal {
  return timeoutSignal(STORE_LIMIT_MS);
}

function noSuchSession(reply: FastifyReply): FastifyReply {
  return sendMessage(reply, 404, 'There is no such session', 'It may have ended, or left nothing behind.');
}
