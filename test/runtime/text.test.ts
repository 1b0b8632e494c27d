import { expect, test } from 'vitest';
import { durationText, errorText, jsonLine, printable } from '../../src/runtime/text.ts';

test('an error is told with its causes, each once', () => {
  const cause = new Error('ECONNREFUSED 127.0.0.1:9000');
  expect(errorText(new Error('not saved', { cause }))).toBe('not saved: ECONNREFUSED 127.0.0.1:9000');
  const explained = new Error(`could not list s3://bucket: ${cause.message}`, { cause });
  expect(errorText(new Error('recovery failed', { cause: explained }))).toBe(
    'recovery failed: could not list s3://bucket: ECONNREFUSED 127.0.0.1:9000',
  );
  expect(errorText(new Error('a', { cause: 'text' }))).toBe('a: text');
  expect(errorText(undefined)).toBe('undefined');
});

test.each([
  [0, '0.0s'],
  [2_540, '2.5s'],
  [9_960, '10s'],
  [59_600, '1m 00s'],
  [750_000, '12m 30s'],
  [3_720_000, '1h 02m'],
  [360_000_000, '100h 00m'],
])('%d ms are %s', (ms, text) => expect(durationText(ms)).toBe(text));

test('what a terminal would obey is escaped, and what it shows is not', () => {
  const text = 'ü a\x1b[31m\n\u009b\u2028\u202e';
  expect(printable(text)).toBe('ü a\\x1b[31m\\x0a\\x9b\\u2028\\u202e');
  expect(jsonLine({ text })).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
  expect(JSON.parse(jsonLine({ text }))).toEqual({ text });
});
