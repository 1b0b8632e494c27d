import type { FastifyInstance, FastifyReply } from 'fastify';
import type { SessionView } from '../../fleet/view.ts';
import { findSession } from '../find-session.ts';
import { networkOf } from '../network.ts';
import type { RouteTools } from '../route-tools.ts';
import { sendApiError } from './errors.ts';
import { type Batch, launchBatch } from './launch-batch.ts';
import { LAUNCH_BODY, LAUNCH_HEADERS, SESSION_PARAMS } from './schemas.ts';
import { routeWith } from './scopes.ts';
import { newSessionJson, type SessionJson, sessionJson } from './session-json.ts';

interface Launch {
  Body: { world: string; count: number };
  Headers: { 'idempotency-key'?: string };
}

interface WithId {
  Params: { id: string };
}

const errors = { '4xx': { $ref: 'Error#' }, '5xx': { $ref: 'Error#' } };

/** Launches, lists and stops sessions, for programs. */
export async function apiSessionRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { fleet } = tools;
  const json = (view: SessionView, id?: string) => sessionJson(view, app.basePath, id);

  const launchSchema = {
    summary: 'Launches sessions: 201 when all, 207 when some, 503 when none could be launched.',
    body: LAUNCH_BODY,
    headers: LAUNCH_HEADERS,
    response: {
      201: { $ref: 'Launched#' },
      207: { $ref: 'Launched#' },
      '4xx': { $ref: 'Refused#' },
      '5xx': { $ref: 'Refused#' },
    },
  };
  app.post<Launch>('/sessions', routeWith('sessions:write', launchSchema), async (request, reply) => {
    const { world, count } = request.body;
    const batch = await launchBatch(tools, { world, count, key: request.headers['idempotency-key'] });
    return sendBatch(reply, batch, { count, sessions: await launched(batch, world) });
  });

  const listSchema = {
    summary: 'The sessions that are alive, and those that ended lately; the newest first.',
    response: { 200: { $ref: 'Sessions#' }, ...errors },
  };
  app.get('/sessions', routeWith('sessions:read', listSchema), async () => {
    const { views } = await fleet.snapshot();
    const newestFirst = [...views].sort((a, b) => b.requestedMs - a.requestedMs);
    return { sessions: newestFirst.map(view => json(view)) };
  });

  const oneSchema = {
    summary: 'One session, also one that ended long ago and has left a report.',
    params: SESSION_PARAMS,
    response: { 200: { $ref: 'Session#' }, ...errors },
  };
  app.get<WithId>('/sessions/:id', routeWith('sessions:read', oneSchema), async (request, reply) => {
    const { id } = request.params;
    const view = await findSession(tools, id);
    return view === undefined ? unknownSession(reply) : json(view, id);
  });

  const stopSchema = {
    summary: 'Requests the end of a session: 202. Of one that has ended: 200. What was recorded is saved.',
    params: SESSION_PARAMS,
    response: { 200: { $ref: 'Session#' }, 202: { $ref: 'Session#' }, ...errors },
  };
  app.delete<WithId>('/sessions/:id', routeWith('sessions:write', stopSchema), async (request, reply) => {
    const { id } = request.params;
    const view = await findSession(tools, id);
    if (view === undefined) return unknownSession(reply);
    if (view.ended !== undefined) return json(view, id);
    await fleet.stop(view, 'admin', networkOf(request.ip));
    return reply.code(202).send(json((await findSession(tools, id)) ?? view, id));
  });

  async function launched({ ids }: Batch, world: string): Promise<SessionJson[]> {
    const views = new Map((await fleet.snapshot()).views.map(view => [view.id, view]));
    return ids.map(id => {
      const view = views.get(id);
      return view === undefined ? newSessionJson(id, world, app.basePath) : json(view);
    });
  }
}

function sendBatch(
  reply: FastifyReply,
  { ids, stopped }: Batch,
  { count, sessions }: { readonly count: number; readonly sessions: readonly SessionJson[] },
): FastifyReply {
  if (stopped === undefined) return reply.code(201).send({ sessions });
  const { reason, status, message, retryAfterSeconds } = stopped;
  const missing = { count: count - ids.length, reason, message, retryAfterSeconds };
  if (ids.length > 0) return reply.code(207).send({ sessions, missing });
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  return reply.code(status).send({ error: reason, message, sessions, missing });
}

function unknownSession(reply: FastifyReply): FastifyReply {
  return sendApiError(reply, 404, 'there is no session of that id');
}
