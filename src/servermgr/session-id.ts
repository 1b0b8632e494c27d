import { createHash, randomBytes } from 'node:crypto';

/*
 * Whoever knows a session's id may see its page, so an id cannot be guessed. It begins with the time of the launch
 * request, and the session's name (the last folder of its key) follows from it: its page finds the report at the
 * destination long after ECS or Docker has removed the session.
 */

const RANDOM_BYTES = 16;
// Eight digits of base 36 last until the year 2059.
const ID = /^([0-9a-z]{8})-[A-Za-z0-9_-]{22}$/;
const NAME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z-[0-9a-f]{8}$/;

/** 128 random bits as 22 characters of base64url, which are valid in URLs, tags and container names. */
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

/** When a session was requested, in milliseconds since the epoch; undefined: the text is no id. */
export function requestedAtMs(id: string): number | undefined {
  const time = ID.exec(id)?.[1];
  return time === undefined ? undefined : Number.parseInt(time, 36);
}

/** The session's name, its TIMESTAMP: the time of the request and 8 digits of a hash; undefined: the text is no id. */
export function nameOf(id: string): string | undefined {
  const ms = requestedAtMs(id);
  if (ms === undefined) return undefined;
  return `${new Date(ms).toISOString()}-${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
}

/** Whether a text is the name of a session that a manager has started. */
export function isSessionName(text: string): boolean {
  return NAME.test(text);
}

/** When the session of that name was requested, in milliseconds since the epoch. */
export function nameMs(name: string): number {
  return Date.parse(name.slice(0, 24));
}

/** How tags, labels and records name a visitor: the secret of the cookie cannot be derived from it. */
export function visitorHash(visitor: string): string {
  return hash(`visitor ${visitor}`);
}

/** Of one launch request: the form's token, bound to its visitor, so that nobody repeats another visitor's request. */
export function idempotencyKey(visitor: string, token: string): string {
  return hash(`press ${visitor} ${token}`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22).replace(/^[-_]/, 'x');
}
