import { expect, test } from 'vitest';
import { seal, unseal } from '../../../src/journal/format/sealed.ts';

const STATUS = { run: '59d6b08a-4aa7-4a86-8681-179a01f7c170', sequence: 12, waiting: { paths: ['a "b"}'] } };

test('what was sealed is read as it was, and so is what an earlier version wrote without a seal', () => {
  expect(unseal(seal(STATUS))).toMatchObject(STATUS);
  expect(unseal(JSON.stringify(STATUS))).toEqual(STATUS);
});

test('whatever bit of it is changed on the way, nothing else is read in its place', () => {
  const sealed = Buffer.from(seal(STATUS));
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    let read: unknown;
    try {
      read = unseal(changed.toString());
    } catch {
      continue;
    }
    // The name of the seal was hit, and nothing of what it seals.
    expect(read).toMatchObject(STATUS);
  }
});
