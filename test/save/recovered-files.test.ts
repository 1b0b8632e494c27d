import { describe, expect, test } from 'vitest';
import { describeRecovery, recoveredFiles } from '../../src/save/recovered-files.ts';

const NO_FILES = {
  files: 0,
  bytes: 0,
  truncated: [],
  superseded: [],
  changedWhileRead: [],
  displaced: [],
  missing: [],
  gaps: [],
  nearestTime: [],
};
const NOTHING = { problems: [], waiting: { files: 0, bytes: 0, paths: [] }, files: recoveredFiles(NO_FILES) };
const displaced = { path: 'a.log#00000001@00000000000000000008', of: 'a.log', bytes: 3 };

describe('a recovery has a line for', () => {
  test.for([
    ['truncated', [{ path: 'a.log', missingBytes: 7 }], '1 file without the last bytes: a.log (7)'],
    ['superseded', ['r.mca'], '1 file as of before the last change: r.mca'],
    ['changedWhileRead', ['a', 'b'], '2 files written to while being read: a, b'],
    ['displaced', [displaced], `1 file beside the original: ${displaced.path}`],
    ['missing', ['a.log'], '1 file missing: a.log'],
    ['nearestTime', ['a'], '1 file with the nearest time that a journal keeps: a'],
    ['gaps', [{ path: 'a.log', from: 4, to: 8 }], '1 file with bytes missing: a.log (4 to 8)'],
  ] as const)('%s files', ([kind, found, line]) => {
    const files = recoveredFiles({ ...NO_FILES, [kind]: found });
    expect(describeRecovery({ ...NOTHING, files })).toEqual([line]);
  });

  test.for([
    [
      'each segment that is not as it should be',
      { problems: ['1', '2'].map(segment => ({ segment, why: 'it is missing' })) },
      ['1: it is missing', '2: it is missing'],
    ],
    [
      'what changed later',
      { waiting: { files: 3, bytes: 9, paths: ['a', 'b'] } },
      ['3 files that changed after what is here of them: a, b and 1 more'],
    ],
    [
      'what could not be packed',
      { notPacked: { total: 1, first: [{ path: 'a', why: 'permission denied' }] } },
      ['1 file that could not be packed: a (permission denied)'],
    ],
  ] as const)('%s', ([, found, lines]) => {
    expect(describeRecovery({ ...NOTHING, ...found })).toEqual(lines);
  });

  test('nothing but what there is', () => {
    expect(describeRecovery(NOTHING)).toEqual([]);
  });
});

test('of many files a line names five and counts the others, and a report names two hundred', () => {
  const missing = Array.from({ length: 1000 }, (_, i) => `f${i}`);
  const files = recoveredFiles({ ...NO_FILES, missing });
  expect(files.missing.total).toBe(1000);
  expect(files.missing.first).toEqual(missing.slice(0, 200));
  expect(describeRecovery({ ...NOTHING, files })).toEqual([
    '1000 files missing: f0, f1, f2, f3, f4 and 995 more',
  ]);
});
