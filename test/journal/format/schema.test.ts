import { describe, expect, test } from 'vitest';
import { entryName, parseStatus, segmentKey, sequenceOf } from '../../../src/journal/format/schema.ts';

describe('the names of entries', () => {
  test('say path, generation and offset', () => {
    expect(entryName({ path: 'cuberite/logs/LOG.txt', generation: 7, offset: 4096 }, true)).toBe(
      'cuberite/logs/LOG.txt@00000000000000004096',
    );
    expect(entryName({ path: 'r.0.0.mca', generation: 31, offset: 0 }, false)).toBe(
      'r.0.0.mca#00000031@00000000000000000000',
    );
  });

  test('mean one thing only, whatever the files are called', () => {
    const names = new Map<string, string>();
    const paths = [
      'x',
      'x#00000002',
      'x@00000000000000000001',
      'x#00000002#00000001',
      'x#00000001@00000000000000000000',
    ];
    for (const path of paths) {
      for (const [generation, isFirst] of [
        [1, true],
        [2, false],
        [123_456_789, false],
      ] as const) {
        for (const offset of [0, 1]) {
          const name = entryName({ path, generation, offset }, isFirst);
          const meaning = JSON.stringify([path, generation, offset]);
          expect(names.get(name) ?? meaning).toBe(meaning);
          names.set(name, meaning);
        }
      }
    }
    expect(names.size).toBe(paths.length * 6);
  });
});

describe('the keys of segments', () => {
  test('are read as they are written, and nothing else is', () => {
    expect(segmentKey(1)).toBe('00000001.tar.gz');
    expect(sequenceOf(segmentKey(12_345_678))).toBe(12_345_678);
    for (const key of [
      '00000000.tar.gz',
      '1.tar.gz',
      '00000001.tar',
      'status.json',
      '00000001.tar.gz.part',
    ]) {
      expect(sequenceOf(key)).toBeUndefined();
    }
  });
});

test('a status of another version is not misread', () => {
  expect(() => parseStatus('{"format":2}')).toThrow();
});
