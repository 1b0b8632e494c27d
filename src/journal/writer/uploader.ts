import { isBug } from '../../runtime/bug.ts';
import { errorText } from '../../runtime/text.ts';
import { readObject } from '../../store/read.ts';
import { AlreadyExistsError } from '../../store/store.ts';
import { toText } from '../format/byte-path.ts';
import { JOURNAL_FORMAT, SEGMENT_BYTES, segmentKey } from '../format/schema.ts';
import { checksum, decodeNumbered, encodeSegment } from '../format/segment.ts';
import { putObject } from './put.ts';
import { buildSegment, type SegmentContent } from './segment-builder.ts';
import {
  advanceCoveredUntil,
  backlog,
  beginAnew,
  readUntilMs,
  reportUnreadable,
  type WriterState,
} from './state.ts';
import { fencing, putHeartbeat } from './status.ts';

/** `anew`: a recovery has the journal, and another one has to be begun, with a scan. */
export type UploadOutcome = 'stored' | 'nothing' | 'anew';

/**
 * Builds the next segment and uploads it, retrying until it is stored. The first one is uploaded even if it is empty: it
 * acquires the prefix.
 */
export async function uploadNext(state: WriterState, rewriteIntervalMs: number): Promise<UploadOutcome> {
  const sequence = state.segments + 1;
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
  const coveredUntilMs = readUntilMs(state.index);
  if (content === undefined && sequence > 1) {
    advanceCoveredUntil(state, coveredUntilMs);
    return 'nothing';
  }
  const object = await encode(state, sequence, coveredUntilMs, content ?? EMPTY);
  if (state.prefix === undefined) state.prefix = await acquirePrefix(state, object);
  else if (!(await putNext(state, state.prefix, sequence, object))) return 'anew';
  state.segments = sequence;
  state.previousCrc = checksum([object]);
  state.bytes += object.length;
  state.isEmpty &&= content === undefined;
  advanceCoveredUntil(state, coveredUntilMs);
  if (sequence === 1) putHeartbeat(state);
  return 'stored';
}

const EMPTY: SegmentContent = {
  removed: { generations: [], paths: [] },
  folders: [],
  links: [],
  pieces: [],
  placed: [],
};

function encode(
  state: WriterState,
  sequence: number,
  coveredUntilMs: number,
  { pieces, ...changes }: SegmentContent,
): Promise<Buffer> {
  const segmentIndex = {
    format: JOURNAL_FORMAT,
    run: state.options.run,
    sequence,
    previous: state.previousCrc,
    about: state.options.about,
    ...fencing(state),
    intervalMs: state.options.intervalMs,
    coveredUntil: new Date(coveredUntilMs).toISOString(),
    space: state.index.peakBytes,
    files: state.index.files.size,
    ...changes,
    waiting: backlog(state.index),
  } as const;
  return encodeSegment(segmentIndex, pieces, state.tarBuffer);
}

/** Puts the first segment where no other run has one: below the prefix, or with `.2`, `.3` … appended to it. */
async function acquirePrefix(state: WriterState, object: Buffer): Promise<string> {
  const { prefix, ifAbsent, onProblem } = state.options;
  for (; ; state.nth += 1) {
    const candidate = state.nth === 1 ? prefix : `${prefix}.${state.nth}`;
    const key = `${candidate}/${segmentKey(1)}`;
    try {
      await putObject(state, key, object, ifAbsent);
    } catch (error) {
      if (!(error instanceof AlreadyExistsError)) throw error;
      if (!(await readWhatIsThere(state, key))?.equals(object)) {
        onProblem({ kind: 'prefix-taken', prefix: candidate });
        continue;
      }
    }
    return candidate;
  }
}

/** @returns whether it is stored: otherwise a recovery has the journal, and another one is begun */
async function putNext(
  state: WriterState,
  prefix: string,
  sequence: number,
  object: Buffer,
): Promise<boolean> {
  const key = `${prefix}/${segmentKey(sequence)}`;
  try {
    await putObject(state, key, object, state.options.heedsFences);
    return true;
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
    const there = await readWhatIsThere(state, key);
    // A lost answer is no rival.
    if (there?.equals(object)) return true;
    state.options.onProblem({ kind: 'fenced', prefix, why: await describeRival(there) });
    beginAnew(state);
    return false;
  }
}

/** undefined: it cannot be told. Another journal has everything as well. */
async function readWhatIsThere(
  { options, cancelled }: WriterState,
  key: string,
): Promise<Buffer | undefined> {
  try {
    const limits = { maxBytes: 2 * SEGMENT_BYTES, signal: cancelled.signal, isListed: true };
    const there = await readObject(options.destination, key, limits);
    return there === 'too-large' ? undefined : there;
  } catch (error) {
    cancelled.signal.throwIfAborted();
    if (isBug(error)) throw error;
    return undefined;
  }
}

async function describeRival(there: Buffer | undefined): Promise<string> {
  try {
    const read = there && (await decodeNumbered(there));
    if (read === undefined) return 'something is under its next number that cannot be read';
    if (!('fence' in read)) return 'another segment is under its next number';
    return `${read.fence.host} recovers it since ${read.fence.since}`;
  } catch (error) {
    return `something else is under its next number: ${errorText(error)}`;
  }
}
