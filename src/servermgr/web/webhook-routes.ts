import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../fleet/unavailable.ts';
import { seeOther } from './base-path.ts';
import { sendErrorPage, sendPage } from './errors.ts';
import { webhooksPage } from './pages/webhooks.ts';
import type { RouteTools } from './route-tools.ts';
import { ensureVisitor, formField, formToken } from './visitor-cookie.ts';

const MAX_ROWS = 100;

/** What became of telling others what happened; what was given up is sent again. Administrators alone come here. */
export async function webhookRoutes(app: FastifyInstance, { webhooks }: RouteTools): Promise<void> {
  app.get('/admin/webhooks', async (request, reply) => {
    const visitor = ensureVisitor(request, reply);
    const deliveries = await known(webhooks.recent(MAX_ROWS));
    const csrf = formToken(reply, visitor);
    return sendPage(reply, webhooksPage({ base: app.basePath, deliveries, csrf, nowMs: Date.now() }));
  });

  app.post('/admin/webhooks/again', { preHandler: app.csrfProtection }, async (request, reply) => {
    const [event = '', endpoint = ''] = ['event', 'endpoint'].map(name => formField(request.body, name));
    if (await known(webhooks.sendAgain(event, endpoint))) return seeOther(reply, '/admin/webhooks');
    return sendErrorPage(
      reply,
      409,
      'That is not sent again',
      'It was delivered meanwhile, is under way, or its endpoint wants no more.',
    );
  });
}

async function known<T>(asked: Promise<T>): Promise<T> {
  return asked.catch(cause => {
    throw new UnavailableError('the database cannot be asked', { cause });
  });
}
