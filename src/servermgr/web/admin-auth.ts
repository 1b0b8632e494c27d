import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendMessage } from './errors.ts';

/** How many wrong tokens one address has in a minute. */
const GUESSES = 10;
const WINDOW_MS = 60_000;

/**
 * Lets in whoever knows the token, as a bearer token or as the password of HTTP basic. After too many wrong ones an
 * address is refused for a while, right token or not, so that a guesser does not even learn that he was right.
 */
export function guard(app: FastifyInstance, adminToken: string) {
  const guesses = app.createRateLimit({ max: GUESSES, timeWindow: WINDOW_MS });
  const expected = digest(adminToken);

  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const given = tokenOf(request.headers.authorization);
    const right = given !== undefined && timingSafeEqual(digest(given), expected);
    // A browser asks once without a password before it asks for one: that is no guess.
    const count = await guesses(request, { increment: given !== undefined && !right });
    if (!count.isAllowed && (count.isExceeded || (right && count.remaining === 0))) {
      reply.header('retry-after', count.ttlInSeconds);
      return sendMessage(reply, 429, 'Slowly, please', 'Too many wrong passwords came from your address.');
    }
    if (right) return undefined;
    reply.header('www-authenticate', 'Basic realm="Craftassist fleet", charset="UTF-8"');
    return sendMessage(reply, 401, 'Who are you?', 'This page is for the people who run the study.');
  };
}

/** Digests are of one length, so that the comparison tells nothing, not even how long the token is. */
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
