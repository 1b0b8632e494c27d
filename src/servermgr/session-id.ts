import { createHash, randomBytes } from 'node:crypto';

/*
 * Whoever knows a session's id may see its page, so an id cannot be guessed. It begins with the moment of its making,
 * and the session's name (the last folder of its key) follows from it: long after ECS or Docker has forgotten a
 * session, its page finds the report in the bucket.
 */

const RANDOM_BYTES = 16;
// Eight digits of base 36 last until the year 2059.
const ID = /^([0-9a-z]{8})-[A-Za-z0-9_-]{22}$/;
const NAME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z-[0-9a-f]{8}$/;

/** 128 random bits in 22 characters that fit into URLs, tags and container names. */
export function randomToken(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url');
}

export function isToken(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9_-]{22}$/.test(text);
}

/** A new session's id. */
export function newId(nowMs: number): string {
  return `${nowMs.toString(36).padStart(8, '0')}-${randomToken()}`;
}

/** When a session was asked for; undefined: the text is no id. */
export function askedAtMs(id: string): number | undefined {
  const moment = ID.exec(id)?.[1];
  return moment === undefined ? undefined : Number.parseInt(moment, 36);
}

/** The session's TIMESTAMP: its moment, told apart from others of that moment; undefined: the text is no id. */
export function nameOf(id: string): string | undefined {
  const ms = askedAtMs(id);
  if (ms === undefined) return undefined;
  return `${new Date(ms).toISOString()}-${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
}

/** Whether a text is the name of a session that a manager has started. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** When the session of that name was asked for. */
export function nameMs(name: string): number {
  return Date.parse(name.slice(0, 24));
}

/** A visitor as tags and labels name him: what the cookie holds cannot be read out of it. */
export function visitorMark(visitor: string): string {
  return mark(`visitor ${visitor}`);
}

/** One press of the button: the form's token, bound to its visitor so that nobody presses in another's name. */
export function pressMark(visitor: string, token: string): string {
  return mark(`press ${visitor} ${token}`);
}

function mark(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22).replace(/^[-_]/, 'x');
}
