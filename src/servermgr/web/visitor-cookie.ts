import type { FastifyReply, FastifyRequest } from 'fastify';
import { isToken, randomToken } from '../session-id.ts';

const COOKIE = 'visitor';
const MONTH_S = 30 * 86_400;

/** `secure: 'auto'`: wherever the page came over https. */
export const cookieOptions = { path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto' } as const;

/** Who asks, as his signed cookie tells; undefined: nobody whom we know. */
export function visitorOf(request: FastifyRequest): string | undefined {
  const given = request.cookies[COOKIE];
  if (given === undefined) return undefined;
  const { valid, value } = request.unsignCookie(given);
  return valid && isToken(value) ? value : undefined;
}

/** Who asks; somebody new gets a cookie. */
export function welcome(request: FastifyRequest, reply: FastifyReply): string {
  const known = visitorOf(request);
  const visitor = known ?? randomToken();
  if (known === undefined) {
    reply.setCookie(COOKIE, visitor, { ...cookieOptions, signed: true, maxAge: MONTH_S });
  }
  return visitor;
}

/** Forgets who asks; what he has started goes on. */
export function goodbye(reply: FastifyReply): void {
  // `instance_id` is what the manager before this one has left in browsers.
  for (const name of [COOKIE, '_csrf', 'instance_id']) reply.clearCookie(name, { path: '/' });
}

/** The hidden field of a form that this visitor may send. */
export function formToken(reply: FastifyReply, visitor: string): string {
  return reply.generateCsrf({ userInfo: visitor });
}

/** One field of a form; undefined when it is missing, or given twice. */
export function formField(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value: unknown = Object.getOwnPropertyDescriptor(body, name)?.value;
  return typeof value === 'string' ? value : undefined;
}
