import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Log } from '../../runtime/log.ts';
import { messagePage } from './pages/layout.ts';

export const UNAVAILABLE = 503;

/** Makes every error, and every unknown address, a page; logs those that are our fault. */
export function registerErrorPages(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (_, reply) =>
    sendErrorPage(reply, 404, 'There is nothing here', 'The address may be mistyped, or too old.'),
  );
  app.setErrorHandler<Partial<FastifyError>>((error, _, reply) => {
    const status = error.statusCode ?? 500;
    // What cannot be asked just now has been told when it went away.
    if (status >= 500 && status !== UNAVAILABLE)
      log.error({ event: 'request_failed', err: error }, 'request failed');
    const [title, text] = explain(error, status);
    return sendErrorPage(reply, status, title, text);
  });
}

/** Sends a page with one message, which repeats nothing of the request. */
export function sendErrorPage(
  reply: FastifyReply,
  status: number,
  title: string,
  text: string,
): FastifyReply {
  return sendPage(reply.code(status), messagePage(reply.server.basePath, title, text));
}

/** For the people who run the study. */
export function noSuchSession(reply: FastifyReply): FastifyReply {
  return sendErrorPage(reply, 404, 'There is no such session', 'It may have ended, or left nothing behind.');
}

export function sendPage(reply: FastifyReply, page: string): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(page);
}

/** What somebody is told whose request failed: a title, and what to do. */
export function explain({ code = '' }: Partial<FastifyError>, status: number): [title: string, text: string] {
  if (code.startsWith('FST_CSRF')) {
    return [
      'That page was too old',
      'It was made for another visit, or cookies are off. Go back, and press the button again.',
    ];
  }
  if (status === 429)
    return ['Slowly, please', 'Too much was asked from your address. Try again in a while.'];
  if (status < 500) return ['That was not understood', 'The request was too large, or not one of ours.'];
  if (status === UNAVAILABLE)
    return ['That is not known just now', 'What is written down cannot be looked up. Try again in a moment.'];
  return [
    'Something went wrong',
    'It is not your fault, and it has been written down. Try again in a moment.',
  ];
}
