import * as v from 'valibot';
import { expect, test } from 'vitest';
import { createSealer } from '../../../src/servermgr/studies/sealed.ts';

const SECRET = 's'.repeat(32);
const NOW = 1_795_000_000_000;
const Payload = v.strictObject({ place: v.string(), study: v.number() });
const payload = { place: 'ÄöÜ place 1', study: 7 };

const sealer = createSealer(SECRET, 'control');

test('what was sealed is opened until it expires, and not at that moment', () => {
  const text = sealer.seal(payload, NOW + 1_000);
  expect(sealer.open(text, Payload, NOW)).toEqual({ kind: 'ok', value: payload });
  expect(sealer.open(text, Payload, NOW + 999)).toEqual({ kind: 'ok', value: payload });
  expect(sealer.open(text, Payload, NOW + 1_000)).toEqual({ kind: 'expired' });
});

test('a seal is of another instance with the same secret, and of no other secret or purpose', () => {
  const text = sealer.seal(payload, NOW + 1_000);
  expect(createSealer(SECRET, 'control').open(text, Payload, NOW).kind).toBe('ok');
  expect(createSealer(SECRET, 'submit').open(text, Payload, NOW)).toEqual({ kind: 'bad' });
  expect(createSealer(`${SECRET}.`, 'control').open(text, Payload, NOW)).toEqual({ kind: 'bad' });
});

test('it says nothing, is another one each time, can stand in a URL, and is short', () => {
  const texts = [sealer.seal(payload, NOW), sealer.seal(payload, NOW)];
  expect(new Set(texts).size).toBe(2);
  for (const text of texts) {
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(Buffer.from(text, 'base64url').toString('latin1')).not.toContain('place');
  }
  const id = 'x'.repeat(22);
  expect(sealer.seal([id], NOW)).toHaveLength(80);
});

test('no changed character, no cut and no addition is taken', () => {
  const text = sealer.seal(payload, NOW + 1_000);
  const bad = { kind: 'bad' };
  for (let index = 0; index < text.length; index += 1) {
    const other = text[index] === 'A' ? 'B' : 'A';
    expect(sealer.open(`${text.slice(0, index)}${other}${text.slice(index + 1)}`, Payload, NOW)).toEqual(bad);
    expect(sealer.open(text.slice(0, index), Payload, NOW)).toEqual(bad);
  }
  for (const change of [`${text}A`, `${text}=`, `${text}\n`, ` ${text}`, text.replace(/^./, '$&.'), 'é'])
    expect(sealer.open(change, Payload, NOW)).toEqual(bad);
});

test('a text has one spelling: the bits that its last character does not need are no way to another', () => {
  const shared = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const texts = ['', '.', '..'].map(dots => sealer.seal(dots, NOW + 1));
  const taken = texts.map(
    text =>
      [...shared].filter(last => sealer.open(text.slice(0, -1) + last, v.string(), NOW).kind === 'ok').length,
  );
  expect(taken).toEqual([1, 1, 1]);
});

test('what does not fit the schema is bad, and what is no JSON is not sealed', () => {
  const text = sealer.seal({ ...payload, study: '7' }, NOW + 1_000);
  expect(sealer.open(text, Payload, NOW)).toEqual({ kind: 'bad' });
  expect(() => sealer.seal(undefined, NOW)).toThrow('has no JSON');
});
