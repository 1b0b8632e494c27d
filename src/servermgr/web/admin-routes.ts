import type { FastifyInstance, FastifyRequest } from 'fastify';
import { timeoutSignal } from '../../runtime/abort.ts';
import { type SessionView, viewOfReport } from '../fleet/view.ts';
import { isSessionName, nameMs } from '../session-id.ts';
import { admitAdmin } from './admin/admit.ts';
import { historyRoutes } from './admin/history-routes.ts';
import { logRoutes } from './admin/log-routes.ts';
import { sessionPageRoutes } from './admin/session-page-routes.ts';
import { stopAllRoutes } from './admin/stop-all-routes.ts';
import { tokenRoutes } from './admin/token-routes.ts';
import type { AdminGuard } from './admin-auth.ts';
import { adminSessionPath, seeOther } from './base-path.ts';
import { noSuchSession, sendErrorPage, sendPage } from './errors.ts';
import { networkOf } from './network.ts';
import { type AdminRow, adminPage } from './pages/admin.ts';
import type { RouteTools } from './route-tools.ts';
import { studyAdminRoutes } from './study/admin-routes.ts';
import { ensureVisitor, formField, formToken } from './visitor-cookie.ts';
import { webhookRoutes } from './webhook-routes.ts';

/** How long a list of saved sessions serves: listing a bucket is slow, and the list changes slowly. */
const LIST_MAX_AGE_MS = 30_000;
const STORE_TIMEOUT_MS = 20_000;
const MAX_ROWS = 100;

/** The pages of the people who run the study: they list, stop and recover sessions. */
export async function adminRoutes(
  app: FastifyInstance,
  tools: RouteTools & { readonly guard: AdminGuard },
): Promise<void> {
  const { fleet, savedSessions, limits, launcher, log } = tools;
  let lastList = { atMs: Number.NEGATIVE_INFINITY, names: [] as readonly string[] };
  app.addHook('onRequest', async (request, reply) => admitAdmin(tools.guard, request, reply));

  app.get('/admin', async (request, reply) => {
    const visitor = ensureVisitor(request, reply);
    const { views, fault } = await fleet.snapshot();
    const page = adminPage({
      base: app.basePath,
      sessions: await rowsOf(views),
      limit: limits.fleet,
      launcher,
      fault,
      launchFault: fleet.launchFault(),
      spending: await fleet.spending(),
      csrf: formToken(reply, visitor),
      nowMs: Date.now(),
    });
    return sendPage(reply, page);
  });

  app.post('/admin/stop', { preHandler: app.csrfProtection }, async (request, reply) => {
    const { views } = await fleet.snapshot();
    const view = views.find(({ name }) => name === formField(request.body, 'session'));
    if (view === undefined) return noSuchSession(reply);
    await fleet.stop(view, 'admin', networkOf(request.ip));
    return seeOther(reply, pageBehind(request, view.name));
  });

  app.post('/admin/recover', { preHandler: app.csrfProtection }, async (request, reply) => {
    const name = formField(request.body, 'session') ?? '';
    if (!isSessionName(name)) return noSuchSession(reply);
    const { views } = await fleet.snapshot();
    const alive = views.some(view => view.name === name && view.ended === undefined);
    if (alive)
      return sendErrorPage(reply, 409, 'It is still running', 'A session is recovered when it has ended.');
    await fleet.recover(name, networkOf(request.ip));
    return seeOther(reply, pageBehind(request, name));
  });

  for (const routes of [historyRoutes, sessionPageRoutes, logRoutes, stopAllRoutes, tokenRoutes])
    await app.register(routes, tools);
  await app.register(studyAdminRoutes, tools);
  await app.register(webhookRoutes, tools);

  /** The sessions of the launcher, and those of which only the report is left. */
  async function rowsOf(views: readonly SessionView[]): Promise<AdminRow[]> {
    const known = new Set(views.map(({ name }) => name));
    const names = (await savedNames()).filter(name => !known.has(name));
    const older = await Promise.all(
      names.map(async name =>
        viewOfReport(name, nameMs(name), await savedSessions.report(name, storeDeadline())),
      ),
    );
    const rows = [...views, ...older].sort((a, b) => b.requestedMs - a.requestedMs).slice(0, MAX_ROWS);
    return Promise.all(rows.map(async view => ({ view, recoverable: await isRecoverable(view) })));
  }

  async function savedNames(): Promise<readonly string[]> {
    if (Date.now() - lastList.atMs < LIST_MAX_AGE_MS) return lastList.names;
    try {
      const names = await savedSessions.recent(Date.now(), storeDeadline());
      lastList = { atMs: Date.now(), names: names.slice(0, MAX_ROWS) };
    } catch (error) {
      log.warn({ event: 'destination_list_failed', err: error }, 'destination could not be listed');
    }
    return lastList.names;
  }

  async function isRecoverable({ name, ended }: SessionView): Promise<boolean> {
    if (ended === undefined || ended.report?.archive !== undefined || !isSessionName(name)) return false;
    return savedSessions.hasJournal(name, storeDeadline()).catch(() => false);
  }
}

/** The page on which a button was pressed. */
function pageBehind({ body }: FastifyRequest, name: string): string {
  return formField(body, 'back') === 'session' ? adminSessionPath(name) : '/admin';
}

function storeDeadline(): AbortSignal {
  return timeoutSignal(STORE_TIMEOUT_MS);
}
