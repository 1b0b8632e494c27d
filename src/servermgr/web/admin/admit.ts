import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Scope } from '../../database/tokens-table.ts';
import type { AdminGuard } from '../admin-auth.ts';
import { sendErrorPage } from '../errors.ts';

/**
 * Lets administrators through to a page, who give their token as a browser's password as well.
 * @param scope what a token of the API needs there; undefined: none is enough
 */
export async function admitAdmin(
  guard: AdminGuard,
  request: FastifyRequest,
  reply: FastifyReply,
  scope?: Scope,
): Promise<FastifyReply | undefined> {
  const admitted = await guard.admit(request, ['bearer', 'basic']);
  switch (admitted.kind) {
    case 'admin':
      return undefined;
    case 'token':
      if (scope !== undefined && admitted.scopes.includes(scope)) return undefined;
      return sendErrorPage(
        reply,
        403,
        'Not with that token',
        scope === undefined
          ? 'Tokens of the API open no page: the administrators’ token does.'
          : `That takes a token with the scope ${scope}.`,
      );
    case 'guessing':
      reply.header('retry-after', admitted.retryAfterSeconds);
      return sendErrorPage(reply, 429, 'Slowly, please', 'Too many wrong passwords came from your address.');
    case 'unknown':
      reply.header('www-authenticate', 'Basic realm="Craftassist fleet", charset="UTF-8"');
      return sendErrorPage(reply, 401, 'Who are you?', 'This page is for the people who run the study.');
    default:
      return admitted satisfies never;
  }
}
