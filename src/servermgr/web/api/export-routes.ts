import type { FastifyInstance } from 'fastify';
import { openStudyExports } from '../../database/study-export.ts';
import { studyNumber } from '../../studies/study.ts';
import { readHistoryQuery } from '../history-query.ts';
import type { RouteTools } from '../route-tools.ts';
import { EXPORT_FORMATS, sendExport } from '../send-export.ts';
import { sendParticipations } from '../study/export.ts';
import { sendApiError } from './errors.ts';
import { EXPORT_QUERY, STUDY_PARAMS } from './schemas.ts';
import { routeWith } from './scopes.ts';

/** All sessions, and what a study has brought, as files, for programs. */
export async function apiExportRoutes(app: FastifyInstance, tools: RouteTools): Promise<void> {
  const { operators, recruitment, database, log } = tools;
  const { history } = operators;
  const studyExports = openStudyExports(database);
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

    const ofStudy = {
      summary: `All participations of a study, the oldest first, as ${format.toUpperCase()}.`,
      params: STUDY_PARAMS,
      response: { '4xx': { $ref: 'Error#' }, '5xx': { $ref: 'Error#' } },
    };
    app.get<{ Params: { number: string } }>(
      `/export/studies/:number/participations.${format}`,
      routeWith('export', ofStudy),
      async (request, reply) => {
        const number = studyNumber(request.params.number);
        const study = number === undefined ? undefined : await recruitment.studies.find(number);
        if (study === undefined) return sendApiError(reply, 404, 'there is no study of that number');
        return sendParticipations(reply, await studyExports.rows(study.number), {
          study: study.number,
          format,
        });
      },
    );
  }
}
