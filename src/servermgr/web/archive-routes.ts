import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { timeoutSignal } from '../../runtime/abort.ts';
import { isSessionName } from '../session-id.ts';
import { admitAdmin } from './admin/admit.ts';
import type { AdminGuard } from './admin-auth.ts';
import { noSuchSession } from './errors.ts';
import { networkOf } from './network.ts';
import type { RouteTools } from './route-tools.ts';

const STORE_TIMEOUT_MS = 20_000;

type WithSession = { Querystring: { session?: unknown } };

/** Archives, by a link into the bucket where there is one, and through servermgr elsewhere. */
export async function archiveRoutes(
  app: FastifyInstance,
  { savedSessions, guard, log }: RouteTools & { readonly guard: AdminGuard },
): Promise<void> {
  // A program that exports fetches archives too.
  app.addHook('onRequest', async (request, reply) => admitAdmin(guard, request, reply, 'export'));
  app.get<WithSession>('/admin/archive', { exposeHeadRoute: false }, async (request, reply) => {
    const name = request.query.session;
    if (typeof name !== 'string' || !isSessionName(name)) return noSuchSession(reply);
    const archive = (await savedSessions.report(name, deadline()))?.archive;
    if (archive === undefined) return noSuchSession(reply);
    const fileName = `${name}-${basename(archive.key)}`.replaceAll(':', '-');
    const link = await savedSessions.linkTo(archive.key, fileName, deadline());
    if (link === undefined) return streamArchive(request, reply, { ...archive, name, fileName });
    noteArchive(request, name, archive.bytes);
    return reply.header('cache-control', 'no-store').redirect(link, 302);
  });

  async function streamArchive(
    request: FastifyRequest,
    reply: FastifyReply,
    { key, bytes, name, fileName }: { key: string; bytes: number; name: string; fileName: string },
  ): Promise<FastifyReply> {
    const disconnected = new AbortController();
    request.raw.once('close', () => disconnected.abort());
    const body = await savedSessions.read(key, disconnected.signal);
    if (body === undefined) return noSuchSession(reply);
    noteArchive(request, name, bytes);
    return reply
      .header('content-type', 'application/octet-stream')
      .header('content-disposition', `attachment; filename="${fileName}"`)
      .header('content-length', bytes)
      .send(Readable.from(body));
  }

  function noteArchive(request: FastifyRequest, session: string, bytes: number): void {
    const network = networkOf(request.ip);
    log.info({ event: 'archive_handed_out', session, network, bytes }, 'archive handed out');
  }
}

function deadline(): AbortSignal {
  return timeoutSignal(STORE_TIMEOUT_MS);
}
