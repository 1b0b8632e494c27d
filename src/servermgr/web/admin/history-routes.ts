import type { FastifyInstance } from 'fastify';
import { sendErrorPage, sendPage } from '../errors.ts';
import { readHistoryQuery } from '../history-query.ts';
import { historyPage } from '../pages/history.ts';
import type { RouteTools } from '../route-tools.ts';
import { EXPORT_FORMATS, sendExport } from '../send-export.ts';

const PAGE_SIZE = 50;

/** The history, and what it finds as a file for whoever is on /admin. */
export async function historyRoutes(
  app: FastifyInstance,
  { operators, worlds, log }: RouteTools,
): Promise<void> {
  const { history } = operators;

  app.get('/admin/history', async (request, reply) => {
    const query = readHistoryQuery(request.query);
    const page = { base: app.basePath, fields: query.fields, worlds };
    if (query.kind === 'fault') {
      const nothing = { fault: query.fault, entries: [], older: undefined };
      return sendPage(reply.code(400), historyPage({ ...page, ...nothing }));
    }
    const found = await history.page(query.filter, PAGE_SIZE + 1, query.fields.before);
    const entries = found.slice(0, PAGE_SIZE);
    const older = found.length > PAGE_SIZE ? entries.at(-1)?.view.name : undefined;
    return sendPage(reply, historyPage({ ...page, fault: undefined, entries, older }));
  });

  for (const format of EXPORT_FORMATS) {
    app.get(`/admin/export/sessions.${format}`, { exposeHeadRoute: false }, async (request, reply) => {
      const query = readHistoryQuery(request.query);
      if (query.kind === 'fault') return sendErrorPage(reply, 400, 'That search is not right', query.fault);
      return sendExport(reply, { history, filter: query.filter, format, log });
    });
  }
}
