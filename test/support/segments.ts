import { randomUUID } from 'node:crypto';
import { type PieceRecord, type SegmentIndex, segmentKey } from '../../src/journal/format/schema.ts';
import { checksum, encodeSegment, type Piece } from '../../src/journal/format/segment.ts';
import type { Store } from '../../src/store/store.ts';
import { about, patient } from './journal.ts';

export type Changes = Partial<Omit<SegmentIndex, 'pieces' | 'sequence'>> & {
  readonly pieces?: readonly Piece[];
};

const RUN: string = randomUUID();

/** A piece by hand: a file's bytes from an offset on. */
export function piece(path: string, content: string, record: Partial<PieceRecord> = {}): Piece {
  const body = Buffer.from(content);
  const offset = record.offset ?? 0;
  return {
    isFirst: true,
    body,
    record: {
      generation: 1,
      path,
      mode: 0o644,
      mtimeMs: 1_700_000_000_000,
      mtimeNs: 0,
      offset,
      length: body.length,
      crc32: checksum([body]),
      size: offset + body.length,
      ...record,
    },
  };
}

/** A segment's object by hand. */
export function segment(sequence: number, changes: Changes, previous = '00000000'): Promise<Buffer> {
  const { pieces = [], ...index } = changes;
  return encodeSegment(
    {
      format: 1,
      run: RUN,
      sequence,
      previous,
      about,
      intervalMs: 2000,
      coveredUntil: new Date(1_700_000_000_000 + sequence * 1000).toISOString(),
      space: 0,
      removed: { generations: [], paths: [] },
      placed: [],
      folders: [],
      links: [],
      waiting: { files: 0, bytes: 0, paths: [] },
      ...index,
    },
    pieces,
    Buffer.alloc(0),
  );
}

/** Puts a journal of such segments, as its writer would have. */
export async function putSegments(
  destination: Store,
  segments: readonly Changes[],
  prefix = 'now/journal',
): Promise<Buffer[]> {
  const objects: Buffer[] = [];
  for (const [i, changes] of segments.entries()) {
    const before = objects.at(-1);
    const object = await segment(i + 1, changes, before && checksum([before]));
    await destination.put(`${prefix}/${segmentKey(i + 1)}`, object, { signal: patient });
    objects.push(object);
  }
  return objects;
}
