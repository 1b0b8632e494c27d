import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';

/** The keys of a study's links. Raising `key` withdraws all links that were made before. */
interface LinkKey {
  /** The study's number. */
  readonly study: number;
  readonly key: number;
}

export interface Link extends LinkKey {
  /** The researchers' own code for whoever gets the link: see {@link isParticipantCode}. */
  readonly participant: string;
  /** In seconds since the epoch. */
  readonly expiresS: number;
}

export type CheckedLink =
  | { readonly kind: 'ok'; readonly participant: string }
  | { readonly kind: 'expired' }
  /** It was good, until all links of its study were withdrawn. */
  | { readonly kind: 'withdrawn' }
  /** It was changed or cut off, or is of another study. */
  | { readonly kind: 'bad' };

const KEY_BYTES = 32;
const PARTICIPANT = /^[A-Za-z0-9._-]{1,64}$/;

/** One way to write a number: none is signed in two. */
const wholeNumber = v.pipe(v.string(), v.regex(/^(?:0|[1-9]\d{0,14})$/), v.transform(Number));

/** Others are left alone: mail programs and short links add some. */
const Query = v.object({
  participant: v.pipe(v.string(), v.regex(PARTICIPANT)),
  exp: wholeNumber,
  kid: wholeNumber,
  sig: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/)),
});

/** Whether a text may be a participant's code in a link: 1 to 64 letters of ASCII, digits, dots, `_` and `-`. */
export function isParticipantCode(text: string): boolean {
  return PARTICIPANT.test(text);
}

/**
 * The query of a link for one participant.
 * @param secret of all instances
 * @throws {RangeError} when the participant's code is none
 */
export function signLink(secret: string, link: Link): URLSearchParams {
  const { participant, expiresS, key } = link;
  if (!isParticipantCode(participant)) throw new RangeError('no link can be made for such a code');
  const query = { participant, exp: String(expiresS), kid: String(key) };
  return new URLSearchParams({ ...query, sig: signature(secret, link) });
}

/**
 * Whose link it is.
 * @param key the study's present number
 * @param query as it came with the request
 */
export function checkLink(
  secret: string,
  { study, key }: LinkKey,
  query: unknown,
  nowS: number,
): CheckedLink {
  const { success, output } = v.safeParse(Query, query);
  if (!success || output.kid > key) return { kind: 'bad' };
  const { participant, exp: expiresS, kid, sig } = output;
  const right = signature(secret, { study, key: kid, participant, expiresS });
  if (!timingSafeEqual(Buffer.from(sig), Buffer.from(right))) return { kind: 'bad' };
  if (kid < key) return { kind: 'withdrawn' };
  return nowS >= expiresS ? { kind: 'expired' } : { kind: 'ok', participant };
}

/** HMAC-SHA256 of the other parameters, in the one order and spelling in which they are signed. */
function signature(secret: string, { study, key, participant, expiresS }: Link): string {
  const hmacKey = hkdfSync('sha256', secret, '', `link ${study} ${key}`, KEY_BYTES);
  const text = new URLSearchParams({ participant, exp: String(expiresS), kid: String(key) }).toString();
  return createHmac('sha256', Buffer.from(hmacKey)).update(text).digest('base64url');
}
