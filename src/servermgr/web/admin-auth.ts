import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../../runtime/log.ts';
import { SCOPES, type Scope, type TokensTable } from '../database/tokens-table.ts';
import { networkOf } from './network.ts';
import { createWrongPasswords } from './wrong-passwords.ts';

/** Wrong tokens of one address in a window. */
const MAX_WRONG = 10;
const WINDOW_MS = 60_000;

/** How a request gives the token: as a bearer token, or as the password of HTTP basic, which browsers send along. */
export type Scheme = 'bearer' | 'basic';

/** Who a request is from; or why it may not pass: it has no token, or a wrong one, or its network has guessed too often. */
export type Admitted =
  | { readonly kind: 'admin'; readonly scopes: readonly Scope[] }
  /** It has a token that was made on /admin/tokens. */
  | { readonly kind: 'token'; readonly scopes: readonly Scope[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'guessing'; readonly retryAfterSeconds: number };

export interface AdminGuard {
  /**
   * Tokens that were made on /admin/tokens count as bearer tokens alone.
   * @throws {UnavailableError} when such a one cannot be looked up
   */
  admit(request: FastifyRequest, schemes: readonly Scheme[]): Promise<Admitted>;
}

/**
 * Checks the token, of pages and API together. After too many wrong ones a network is refused for a while, the right
 * token included, so that guessing reveals nothing.
 */
export function createAdminGuard(
  app: FastifyInstance,
  {
    adminToken,
    tokens,
    log,
  }: {
    readonly adminToken: string;
    /** undefined: no other token counts. */
    readonly tokens: Pick<TokensTable, 'use'> | undefined;
    readonly log: Log;
  },
): AdminGuard {
  const countWrong = app.createRateLimit({ max: MAX_WRONG, timeWindow: WINDOW_MS });
  const wrongPasswords = createWrongPasswords(log);
  app.addHook('onClose', async () => wrongPasswords.close());
  const expected = digest(adminToken);

  /** @returns undefined: nobody has that token */
  async function ownerOf({ scheme, token }: Given): Promise<Admitted | undefined> {
    if (timingSafeEqual(digest(token), expected)) return { kind: 'admin', scopes: SCOPES };
    const made = scheme === 'bearer' ? await tokens?.use(token) : undefined;
    return made && { kind: 'token', scopes: made.scopes };
  }

  return {
    async admit(request, schemes) {
      const given = tokenOf(request.headers.authorization, schemes);
      const owner = given && (await ownerOf(given));
      // A browser's first request has no password: it does not count.
      const wrong = given !== undefined && owner === undefined;
      if (wrong) wrongPasswords.note(networkOf(request.ip));
      const count = await countWrong(request, { increment: wrong });
      if (!count.isAllowed && (count.isExceeded || (owner !== undefined && count.remaining === 0)))
        return { kind: 'guessing', retryAfterSeconds: count.ttlInSeconds };
      return owner ?? { kind: 'unknown' };
    },
  };
}

/** timingSafeEqual takes buffers of one length: digests hide the length of the token as well. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

interface Given {
  readonly scheme: Scheme;
  readonly token: string;
}

function tokenOf(header: string | undefined, schemes: readonly Scheme[]): Given | undefined {
  const [word, value] = header?.split(' ', 2) ?? [];
  const scheme = schemes.find(one => one === word?.toLowerCase());
  if (value === undefined || scheme === undefined) return undefined;
  if (scheme === 'bearer') return { scheme, token: value };
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : { scheme, token: pair.slice(colon + 1) };
}
