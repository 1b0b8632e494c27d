import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../../runtime/log.ts';
import { networkOf } from './network.ts';
import { createWrongPasswords } from './wrong-passwords.ts';

/** Wrong tokens of one address in a window. */
const MAX_WRONG = 10;
const WINDOW_MS = 60_000;

/** How a request gives the token: as a bearer token, or as the password of HTTP basic, which browsers send along. */
export type Scheme = 'bearer' | 'basic';

/** Why a request may not pass: it has no token, or a wrong one; or too many wrong ones came from its network. */
export type Refused =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'guessing'; readonly retryAfterSeconds: number };

export interface AdminGuard {
  /** @returns undefined: the request has the token */
  refuse(request: FastifyRequest, schemes: readonly Scheme[]): Promise<Refused | undefined>;
}

/**
 * Checks the token, of pages and API together. After too many wrong ones a network is refused for a while, the right
 * token included, so that guessing reveals nothing.
 */
export function createAdminGuard(app: FastifyInstance, adminToken: string, log: Log): AdminGuard {
  const countWrong = app.createRateLimit({ max: MAX_WRONG, timeWindow: WINDOW_MS });
  const wrongPasswords = createWrongPasswords(log);
  app.addHook('onClose', async () => wrongPasswords.close());
  const expected = digest(adminToken);

  return {
    async refuse(request, schemes) {
      const given = tokenOf(request.headers.authorization, schemes);
      const right = given !== undefined && timingSafeEqual(digest(given), expected);
      // A browser's first request has no password: it does not count.
      const wrong = given !== undefined && !right;
      if (wrong) wrongPasswords.note(networkOf(request.ip));
      const count = await countWrong(request, { increment: wrong });
      if (!count.isAllowed && (count.isExceeded || (right && count.remaining === 0)))
        return { kind: 'guessing', retryAfterSeconds: count.ttlInSeconds };
      return right ? undefined : { kind: 'unknown' };
    },
  };
}

/** timingSafeEqual takes buffers of one length: digests hide the length of the token as well. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function tokenOf(header: string | undefined, schemes: readonly Scheme[]): string | undefined {
  const [word, value] = header?.split(' ', 2) ?? [];
  const scheme = schemes.find(one => one === word?.toLowerCase());
  if (value === undefined || scheme === undefined) return undefined;
  if (scheme === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : pair.slice(colon + 1);
}
