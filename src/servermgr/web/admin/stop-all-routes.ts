import type { FastifyInstance } from 'fastify';
import * as v from 'valibot';
import { seeOther } from '../base-path.ts';
import { sendErrorPage, sendPage } from '../errors.ts';
import { networkOf } from '../network.ts';
import { stopAllPage } from '../pages/stop-all.ts';
import type { RouteTools } from '../route-tools.ts';
import { ensureVisitor, formField, formToken } from '../visitor-cookie.ts';

/** Until when sessions are meant: what is launched while somebody thinks it over is not. */
const Until = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));

/** Stops all sessions, after a page that asks. */
export async function stopAllRoutes(app: FastifyInstance, { fleet }: RouteTools): Promise<void> {
  app.get('/admin/stop-all', async (request, reply) => {
    const nowMs = Date.now();
    const csrf = formToken(reply, ensureVisitor(request, reply));
    const { views } = await fleet.snapshot();
    const running = views.filter(
      ({ ended, phase, requestedMs }) => ended === undefined && phase !== 'ending' && requestedMs <= nowMs,
    );
    return sendPage(reply, stopAllPage({ base: app.basePath, running, csrf, nowMs }));
  });

  app.post('/admin/stop-all', { preHandler: app.csrfProtection }, async (request, reply) => {
    const until = v.safeParse(Until, formField(request.body, 'until'));
    if (!until.success)
      return sendErrorPage(
        reply,
        400,
        'That was not understood',
        'Open the page again, and press its button.',
      );
    await fleet.stopAll(until.output, networkOf(request.ip));
    return seeOther(reply, '/admin');
  });
}
