import type { FastifyError, FastifyInstance, FastifyReply, FastifySchemaValidationError } from 'fastify';
import type { Log } from '../../../runtime/log.ts';
import { UNAVAILABLE } from '../errors.ts';

/** The words of errors that have none of their own. */
const WORDS: Readonly<Record<number, string>> = {
  400: 'invalid-request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  413: 'too-large',
  415: 'unsupported-media-type',
  429: 'too-many-requests',
};

/** Makes every error of the API, and every unknown address, JSON; logs those that are our fault. */
export function registerApiErrors(app: FastifyInstance, log: Log, unknown: string): void {
  app.setSchemaErrorFormatter(([fault], part) => new Error(faultText(fault, part)));
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (_, reply) => sendApiError(reply, 404, unknown));
  app.setErrorHandler<Partial<FastifyError>>((error, _, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return sendApiError(reply, status, error.message ?? 'that was not understood');
    if (status === UNAVAILABLE)
      return sendApiError(reply, status, 'that cannot be looked up just now', 'unavailable');
    log.error({ event: 'request_failed', err: error }, 'request failed');
    return sendApiError(reply, status, 'something went wrong, and has been written into the log');
  });
}

export function sendApiError(
  reply: FastifyReply,
  status: number,
  message: string,
  error: string = WORDS[status] ?? (status < 500 ? 'invalid-request' : 'internal-error'),
): FastifyReply {
  return reply.code(status).send({ error, message });
}

/** What is wrong with a body or header, by the names that the client has given. */
function faultText(fault: FastifySchemaValidationError | undefined, part: string): string {
  const { keyword, instancePath = '', message = 'is not valid', params = {} } = fault ?? {};
  const field = instancePath.slice(1).replaceAll('/', '.') || part;
  if (keyword === 'required') return `${field} lacks ${params.missingProperty}`;
  if (keyword === 'additionalProperties') return `${field} has no field ${params.additionalProperty}`;
  return `${field} ${message}`;
}
