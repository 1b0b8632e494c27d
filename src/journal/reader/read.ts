import { errorText } from '../../runtime/text.ts';
import type { Store } from '../../store/store.ts';
import { segmentKey } from '../format/schema.ts';
import { decodeSegment, type Segment } from '../format/segment.ts';
import { fetchObject } from './fetch.ts';

/** A segment, or why it cannot be had. */
export type ReadSegment =
  | { readonly sequence: number; readonly segment: Segment; readonly doubt?: string }
  | { readonly sequence: number; readonly segment?: undefined; readonly fault: string };

export interface ReadOptions {
  readonly destination: Store;
  readonly prefix: string;
  readonly signal: AbortSignal;
  readonly first: number;
  readonly last: number;
  /** The journal's own run, where its status tells; otherwise that of the first segment that can be read. */
  readonly run: string | undefined;
}

/**
 * The segments in their order, each verified: by itself, as this run's, and as the one that its successor follows. A
 * few are fetched ahead.
 * @throws when the destination cannot be read
 */
export async function* readSegments(options: ReadOptions): AsyncGenerator<ReadSegment> {
  const ahead: Promise<ReadSegment>[] = [];
  let next = options.first;
  let { run } = options;
  let before: ReadSegment | undefined;
  try {
    for (;;) {
      while (ahead.length < FETCHED_AHEAD && next <= options.last) {
        const fetching = fetchSegment(options, next);
        // Whoever stops reading early leaves some behind.
        fetching.catch(() => undefined);
        ahead.push(fetching);
        next += 1;
      }
      const read = await ahead.shift();
      if (read === undefined) return;
      run ??= read.segment?.index.run;
      const checked = check(read, run, before);
      yield checked;
      before = checked;
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}

const FETCHED_AHEAD = 4;

async function fetchSegment(
  { destination, prefix, signal }: ReadOptions,
  sequence: number,
): Promise<ReadSegment> {
  const object = await fetchObject(destination, `${prefix}/${segmentKey(sequence)}`, signal);
  if (object === undefined) return { sequence, fault: 'it is missing' };
  try {
    return { sequence, segment: await decodeSegment(object) };
  } catch (error) {
    return { sequence, fault: `it is damaged: ${errorText(error)}` };
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
