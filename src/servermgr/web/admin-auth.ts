import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendErrorPage } from './errors.ts';

/** Wrong tokens of one address in a window. */
const MAX_WRONG = 10;
const WINDOW_MS = 60_000;

/**
 * A hook that lets a request pass which has the token, as a bearer token or as the password of HTTP basic. After too
 * many wrong ones an address is refused for a while, the right token included, so that guessing reveals nothing.
 */
export function requireAdmin(app: FastifyInstance, adminToken: string) {
  const countWrong = app.createRateLimit({ max: MAX_WRONG, timeWindow: WINDOW_MS });
  const expected = digest(adminToken);

  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const given = tokenOf(request.headers.authorization);
    const right = given !== undefined && timingSafeEqual(digest(given), expected);
    // A browser's first request has no password: it does not count.
    const count = await countWrong(request, { increment: given !== undefined && !right });
    if (!count.isAllowed && (count.isExceeded || (right && count.remaining === 0))) {
      reply.header('retry-after', count.ttlInSeconds);
      return sendErrorPage(reply, 429, 'Slowly, please', 'Too many wrong passwords came from your address.');
    }
    if (right) return undefined;
    reply.header('www-authenticate', 'Basic realm="Craftassist fleet", charset="UTF-8"');
    return sendErrorPage(reply, 401, 'Who are you?', 'This page is for the people who run the study.');
  };
}

/** timingSafeEqual takes buffers of one length: digests hide the length of the token as well. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function tokenOf(header: string | undefined): string | undefined {
  const [scheme, value] = header?.split(' ', 2) ?? [];
  if (value === undefined) return undefined;
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
}
