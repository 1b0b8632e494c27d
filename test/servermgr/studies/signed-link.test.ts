import { createHmac, hkdfSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkLink, isParticipantCode, signLink } from '../../../src/servermgr/studies/signed-link.ts';

const SECRET = 's'.repeat(32);
const NOW = 1_795_000_000;
const link = { study: 3, key: 2, participant: 'P-01.a_b', expiresS: NOW + 60 };
const present = { study: 3, key: 2 };

const queryOf = (changes: Partial<typeof link> = {}) =>
  Object.fromEntries(signLink(SECRET, { ...link, ...changes }));
const check = (query: unknown, key = present, nowS = NOW) => checkLink(SECRET, key, query, nowS);

test('a link is its participant’s until it expires, and not at that moment', () => {
  expect(check(queryOf())).toEqual({ kind: 'ok', participant: 'P-01.a_b' });
  expect(check(queryOf(), present, NOW + 59).kind).toBe('ok');
  expect(check(queryOf(), present, NOW + 60)).toEqual({ kind: 'expired' });
});

test('raising the study’s number withdraws all links of before, and none that are made afterwards', () => {
  const old = queryOf();
  const next = { study: 3, key: 3 };
  expect(check(old, next)).toEqual({ kind: 'withdrawn' });
  expect(check(old, next, NOW + 60)).toEqual({ kind: 'withdrawn' });
  expect(check(queryOf({ key: 3 }), next).kind).toBe('ok');
  // Of a number that was not given out yet: the database is older than the link.
  expect(check(queryOf({ key: 3 }), present)).toEqual({ kind: 'bad' });
  // To say that a link was withdrawn, it has to have been one.
  expect(check({ ...old, participant: 'P-02' }, next)).toEqual({ kind: 'bad' });
  expect(check({ ...queryOf({ key: 3 }), kid: '2' }, next)).toEqual({ kind: 'bad' });
});

test.each([
  ['another participant', { participant: 'P-02' }],
  ['a later end', { exp: String(NOW + 61) }],
  ['an end in another spelling', { exp: `0${NOW + 60}` }],
  ['another key', { kid: '1' }],
  ['a participant who is none', { participant: 'P 01' }],
  ['no participant', { participant: '' }],
  ['two participants', { participant: ['P-01.a_b', 'P-01.a_b'] }],
  ['two ends', { exp: [String(NOW + 60), String(NOW + 60)] }],
  ['no signature', { sig: undefined }],
  ['a blank signature', { sig: '' }],
  ['a short signature', { sig: queryOf().sig?.slice(1) }],
  ['the signature of another', { sig: queryOf({ participant: 'P-02' }).sig }],
  ['the signature of another study', { sig: queryOf({ study: 4 }).sig }],
])('%s makes a link bad', (_, change) => {
  expect(check({ ...queryOf(), ...change })).toEqual({ kind: 'bad' });
});

test('nothing else is a link, and a link may have other parameters', () => {
  for (const query of [undefined, null, 'participant=P', [], 1, {}])
    expect(check(query)).toEqual({ kind: 'bad' });
  expect(check({ ...queryOf(), utm_source: 'mail' }).kind).toBe('ok');
  expect(checkLink(`${SECRET}.`, present, queryOf(), NOW)).toEqual({ kind: 'bad' });
});

test('it is HMAC-SHA256 of the parameters in their order, with a key of the study and its number', () => {
  const key = Buffer.from(hkdfSync('sha256', SECRET, '', 'link 3 2', 32));
  const signed = `participant=P-01.a_b&exp=${NOW + 60}&kid=2`;
  const sig = createHmac('sha256', key).update(signed).digest('base64url');
  expect(signLink(SECRET, link).toString()).toBe(`${signed}&sig=${sig}`);
});

test.each([
  ['a', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['', false],
  ['a b', false],
  ['a\n', false],
  ['ä', false],
  ['a/b', false],
])('whether %j is a participant’s code: %s', (code, isOne) => {
  expect(isParticipantCode(code)).toBe(isOne);
  const sign = () => signLink(SECRET, { ...link, participant: code });
  if (isOne) expect(check(Object.fromEntries(sign()))).toEqual({ kind: 'ok', participant: code });
  else expect(sign).toThrow(RangeError);
});
