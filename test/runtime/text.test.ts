import { expect, test } from 'vitest';
import { errorText } from '../../src/runtime/text.ts';

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
