import type { FastifyInstance } from 'fastify';
import { readHistoryQuery } from '../history-query.ts';
import type { RouteTools } from '../route-tools.ts';
import { EXPORT_FORMATS, sendExport } from '../send-export.ts';
import { sendApiError } from './errors.ts';
import { EXPORT_QUERY } from './schemas.ts';
import { routeWith } from './scopes.ts';

/** All sessions as a file, for programs. */
export async function apiExportRoutes(app: FastifyInstance, { operators, log }: RouteTools): Promise<void> {
  const { history } = operators;
  for (const format of EXPORT_FORMATS) {
    const schema = {
      summary: `The sessions that the filters let through, the newest first, as ${format.toUpperCase()}.`,
      querystring: EXPORT_QUERY,
      response: { '4xx': { $ref: 'Error#' }, '5xx': { $ref: 'Error#' } },
    };
    app.get(`/export/sessions.${format}`, routeWith('export', schema), async (request, reply) => {
      const query = readHistoryQuery(request.query);
      if (query.kind === 'fault') return sendApiError(reply, 400, query.fault);
      return sendExport(reply, { history, filter: query.filter, format, log });
    });
  }
}
