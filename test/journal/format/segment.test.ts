import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { JOURNAL_FORMAT, type SegmentIndex } from '../../../src/journal/format/schema.ts';
import {
  checksum,
  completeSegment,
  decodeNumbered,
  encodePieces,
  encodeSegment,
} from '../../../src/journal/format/segment.ts';
import { about } from '../../support/journal.ts';
import { piece } from '../../support/segments.ts';

const index: Omit<SegmentIndex, 'pieces'> = {
  format: JOURNAL_FORMAT,
  run: '6f4ac8a0-0000-4000-8000-000000000000',
  sequence: 2,
  previous: '0badcafe',
  about,
  intervalMs: 2000,
  coveredUntil: '2026-01-01T00:00:00.000Z',
  space: 0,
  files: 1,
  removed: { generations: [], paths: [] },
  placed: [],
  folders: [],
  links: [],
  waiting: { files: 0, bytes: 0, paths: [] },
};

test.for([
  ['none', []],
  ['one', [piece('agent.log', 'a line\n'.repeat(100_000))]],
  ['some', [piece('agent.log', ''), piece('a/b.csv', 'x'.repeat(513)), piece('é', '1,2,3\n')]],
] as const)(
  'a segment whose pieces are compressed before it is known what it follows is like any other: %s',
  async ([, pieces]) => {
    const tarBuffer = Buffer.alloc(1_000);
    const encoded = await encodePieces(pieces, tarBuffer);
    const records = pieces.map(({ record }) => record);
    const object = await completeSegment({ ...index, pieces: records }, encoded);
    expect(gunzipSync(object)).toEqual(gunzipSync(await encodeSegment(index, pieces, tarBuffer)));
    const read = await decodeNumbered(object);
    expect(read).toMatchObject({ segment: { index: { previous: '0badcafe' }, crc32: checksum([object]) } });
    // One member, as other readers want it.
    execFileSync('gzip', ['--test'], { input: object });
  },
);
