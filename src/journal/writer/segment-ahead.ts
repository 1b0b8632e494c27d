import { type BytePath, toText } from '../format/byte-path.ts';
import { JOURNAL_FORMAT, SEGMENT_BYTES } from '../format/schema.ts';
import { completeSegment, encodePieces, encodeSegment, type Piece } from '../format/segment.ts';
import { buildSegment, type SegmentContent } from './segment-builder.ts';
import { backlog, readUntilMs, reportUnreadable, type SegmentAhead, type WriterState } from './state.ts';
import { fencing } from './status.ts';

/**
 * Reads the next segment, behind those that wait, and begins to compress it.
 * @returns undefined when there is nothing for it
 */
export async function buildAhead(
  state: WriterState,
  rewriteIntervalMs: number,
): Promise<SegmentAhead | undefined> {
  const startMs = performance.now();
  const sequence = state.segments + state.ahead.length + 1;
  state.arena.used = 0;
  const content = await buildSegment(state.index, {
    sequence,
    rewriteIntervalMs,
    arena: state.arena,
    scratch: state.options.scratch,
    contentCheck: state.options.contentCheck,
    mayWait: !state.finishing.signal.aborted,
    onUnreadable: (path, why) => reportUnreadable(state, toText(path), why),
  });
  if (content === undefined && sequence > 1) return undefined;
  const coveredUntilMs = readUntilMs(state.index);
  const encode = startEncoding(state, sequence, coveredUntilMs, content ?? EMPTY);
  let endMs = startMs;
  const done = () => {
    endMs = performance.now();
  };
  encode.compressed.then(done, done);
  return {
    sequence,
    coveredUntilMs,
    isEmpty: content === undefined,
    files: bytesOf(content?.pieces ?? []),
    workMs: () => endMs - startMs,
    encode: encode.with,
  };
}

const EMPTY: SegmentContent = {
  removed: { generations: [], paths: [] },
  folders: [],
  links: [],
  pieces: [],
  placed: [],
};

function startEncoding(
  state: WriterState,
  sequence: number,
  coveredUntilMs: number,
  { pieces, ...changes }: SegmentContent,
): { readonly compressed: Promise<unknown>; readonly with: SegmentAhead['encode'] } {
  const segmentIndex = {
    format: JOURNAL_FORMAT,
    run: state.options.run,
    sequence,
    about: state.options.about,
    ...fencing(state),
    intervalMs: state.options.intervalMs,
    coveredUntil: new Date(coveredUntilMs).toISOString(),
    space: state.index.peakBytes,
    files: state.index.files.size,
    ...changes,
    waiting: backlog(state.index),
  } as const;
  const tarBuffer = state.tarBuffers.pop() ?? Buffer.allocUnsafeSlow(SEGMENT_BYTES);
  const giveBack = () => void state.tarBuffers.push(tarBuffer);
  if (state.ahead.length === 0) {
    // With nothing before it, all of it is compressed at once.
    const whole = encodeSegment({ ...segmentIndex, previous: state.previousCrc }, pieces, tarBuffer);
    whole.then(giveBack, giveBack);
    return { compressed: whole, with: () => whole };
  }
  const compressed = encodePieces(pieces, tarBuffer);
  compressed.then(giveBack, giveBack);
  const records = pieces.map(piece => piece.record);
  return {
    compressed,
    with: async previous => completeSegment({ ...segmentIndex, previous, pieces: records }, await compressed),
  };
}

function bytesOf(pieces: readonly Piece[]): Map<BytePath, number> {
  const files = new Map<BytePath, number>();
  for (const { record, body } of pieces) files.set(record.path, (files.get(record.path) ?? 0) + body.length);
  return files;
}
