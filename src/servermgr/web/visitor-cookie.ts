import type { FastifyReply, FastifyRequest } from 'fastify';
import { isToken, randomToken } from '../session-id.ts';

const COOKIE = 'visitor';
const MAX_AGE_S = 30 * 86_400;

/** For pages below that path. `secure: 'auto'`: set when the request came over https. */
export function cookieOptions(basePath: string) {
  return { path: basePath || '/', httpOnly: true, sameSite: 'lax', secure: 'auto' } as const;
}

/** The visitor's secret, out of the signed cookie; undefined: there is none, or it is not ours. */
export function visitorOf(request: FastifyRequest): string | undefined {
  const given = request.cookies[COOKIE];
  if (given === undefined) return undefined;
  const { valid, value } = request.unsignCookie(given);
  return valid && isToken(value) ? value : undefined;
}

/** The visitor's secret; a new visitor gets a cookie. */
export function ensureVisitor(request: FastifyRequest, reply: FastifyReply): string {
  const known = visitorOf(request);
  const visitor = known ?? randomToken();
  if (known === undefined) {
    reply.setCookie(COOKIE, visitor, {
      ...cookieOptions(reply.server.basePath),
      signed: true,
      maxAge: MAX_AGE_S,
    });
  }
  return visitor;
}

/** Deletes the visitor's cookies. A session of theirs keeps running. */
export function clearVisitor(reply: FastifyReply): void {
  // `instance_id` was set by the program that servermgr replaced.
  const { path } = cookieOptions(reply.server.basePath);
  for (const name of [COOKIE, '_csrf', 'instance_id']) reply.clearCookie(name, { path });
}

/** The CSRF token of a form that this visitor may send. */
export function formToken(reply: FastifyReply, visitor: string): string {
  return reply.generateCsrf({ userInfo: visitor });
}

/** One field of a form; undefined when it is missing, or given twice. */
export function formField(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(body, name)?.value;
  return typeof value === 'string' ? value : undefined;
}
