import type { FastifyError, FastifyInstance } from 'fastify';
import { explain, sendPage, UNAVAILABLE } from '../errors.ts';
import { studyMessage } from '../pages/study/study-page.ts';
import type { RouteTools } from '../route-tools.ts';

/** Makes every error of a study's pages one of its pages, which may lie in a frame, and asks again by itself. */
export function registerStudyErrors(app: FastifyInstance, { fleet, log }: RouteTools): void {
  app.setErrorHandler<Partial<FastifyError>>((error, request, reply) => {
    const failed = error.statusCode ?? 500;
    // What cannot be asked just now has been told when it went away.
    const isAway = failed >= 500 && fleet.launchFault() !== undefined;
    const status = isAway ? UNAVAILABLE : failed;
    if (status >= 500 && status !== UNAVAILABLE)
      log.error({ event: 'request_failed', err: error }, 'request failed');
    const [title, text] = explain(error, status);
    const isAskedAgain = status >= 500 && request.method === 'GET';
    const page = studyMessage(app.basePath, title, text, isAskedAgain ? AGAIN_S : undefined);
    return sendPage(reply.code(status), page);
  });
}

const AGAIN_S = 5;
