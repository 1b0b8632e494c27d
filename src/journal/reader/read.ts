import { readVerified, type Verified } from '../../store/read.ts';
import type { Store } from '../../store/store.ts';
import type { Fence } from '../format/fence.ts';
import {
  type JournalStatus,
  NewerFormatError,
  parseStatus,
  SEGMENT_BYTES,
  STATUS_KEY,
  segmentKey,
} from '../format/schema.ts';
import { decodeNumbered, type Segment } from '../format/segment.ts';

/** A segment, or why it cannot be used; or a fence, after which there are no segments. */
export type ReadSegment =
  | { readonly sequence: number; readonly segment: Segment; readonly doubt?: string }
  | { readonly sequence: number; readonly segment?: undefined; readonly fault: string }
  | { readonly sequence: number; readonly segment?: undefined; readonly fence: Fence };

export interface ReadOptions {
  readonly destination: Store;
  readonly prefix: string;
  readonly signal: AbortSignal;
  readonly first: number;
  readonly last: number;
  /** The journal's own run, where its status has it; otherwise that of the first segment that can be read. */
  readonly run: string | undefined;
}

/**
 * The segments in their order, each verified: by itself, as this run's, and as the one that its successor follows. A
 * few are read ahead.
 * @throws when the store cannot be read, or a later version wrote the journal
 */
export async function* readSegments(options: ReadOptions): AsyncGenerator<ReadSegment> {
  const ahead: Promise<ReadSegment>[] = [];
  let next = options.first;
  let { run } = options;
  let before: ReadSegment | undefined;
  try {
    for (;;) {
      while (ahead.length < READ_AHEAD && next <= options.last) {
        const reading = readSegment(options, next);
        // Whoever stops reading early leaves some behind.
        reading.catch(() => undefined);
        ahead.push(reading);
        next += 1;
      }
      const read = await ahead.shift();
      if (read === undefined) return;
      run ??= read.segment?.index.run;
      let checked = check(read, run, before);
      // A byte of the one before may have changed on its way where nothing but this tells: in the head of its gzip.
      if ('doubt' in checked && before !== undefined) {
        const again = await readSegment(options, before.sequence);
        if (again.segment !== undefined) checked = check(read, run, again);
      }
      yield checked;
      before = checked;
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}

const READ_AHEAD = 4;

/** Nothing of a journal is larger: a segment that does not compress is about as large as what is in it. */
const MAX_OBJECT_BYTES = 2 * SEGMENT_BYTES;

/**
 * Reads what is under one number, which is known to be there.
 * @throws when the store cannot be read, which says nothing about the segment
 */
export async function readSegment(
  { destination, prefix, signal }: Pick<ReadOptions, 'destination' | 'prefix' | 'signal'>,
  sequence: number,
): Promise<ReadSegment> {
  const key = `${prefix}/${segmentKey(sequence)}`;
  const options = { signal, isListed: true };
  const read = await readJournalObject(destination, key, options, decodeNumbered);
  if (read === undefined) return { sequence, fault: 'it is missing' };
  return 'value' in read ? { sequence, ...read.value } : { sequence, fault: `it is damaged: ${read.damage}` };
}

/** What the writer last said about its journal; undefined: nothing, or it is damaged. */
export async function readStatus(
  destination: Store,
  prefix: string,
  signal: AbortSignal,
): Promise<JournalStatus | undefined> {
  const read = await readJournalObject(destination, `${prefix}/${STATUS_KEY}`, { signal }, object =>
    parseStatus(object.toString()),
  );
  // Of a damaged one the segments hold all that is in it.
  return read !== undefined && 'value' in read ? read.value : undefined;
}

async function readJournalObject<T>(
  destination: Store,
  key: string,
  options: { readonly signal: AbortSignal; readonly isListed?: boolean },
  verify: (object: Buffer) => T | Promise<T>,
): Promise<Verified<T> | undefined> {
  try {
    const limits = { maxBytes: MAX_OBJECT_BYTES, ...options };
    const read = await readVerified(destination, key, limits, async object => {
      try {
        return await verify(object);
      } catch (error) {
        if (error instanceof NewerFormatError) return error;
        throw error;
      }
    });
    if (read === undefined || 'damage' in read) return read;
    const { value } = read;
    if (value instanceof NewerFormatError) throw value;
    return { value };
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof NewerFormatError) throw error;
    throw new Error(`could not read ${key} from ${destination.url}`, { cause: error });
  }
}

function check(read: ReadSegment, run: string | undefined, before: ReadSegment | undefined): ReadSegment {
  const { sequence, segment } = read;
  if (segment === undefined) return read;
  const { index } = segment;
  if (index.run !== run) return { sequence, fault: 'it is of another run' };
  if (index.sequence !== sequence)
    return { sequence, fault: `it is number ${index.sequence}, under another name` };
  if (before?.segment !== undefined && before.segment.crc32 !== index.previous) {
    // Both have proved to be whole, so that nothing is gained by leaving one out.
    return {
      sequence,
      segment,
      doubt: `${segmentKey(before.sequence)} is not as it was when this one was made`,
    };
  }
  return read;
}
