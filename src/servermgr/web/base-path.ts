import type { FastifyReply } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /** The path that all pages are below: empty, or `/play`. Links begin with it. */
    readonly basePath: string;
  }
}

/** Leads a browser to another page of ours. @param path as it is without a base path */
export function seeOther(reply: FastifyReply, path: string): FastifyReply {
  return reply.redirect(`${reply.server.basePath}${path}`, 303);
}

/** The path of a session's page, without the base path. */
export function sessionPath(id: string): string {
  return `/wait?q=${encodeURIComponent(id)}`;
}

/** The path of its page for operators, without the base path. @param name the session's */
export function adminSessionPath(name: string): string {
  return `/admin/session?name=${encodeURIComponent(name)}`;
}
