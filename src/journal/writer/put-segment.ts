import { isBug } from '../../runtime/bug.ts';
import { errorText } from '../../runtime/text.ts';
import { readObject } from '../../store/read.ts';
import { AlreadyExistsError } from '../../store/store.ts';
import { SEGMENT_BYTES, segmentKey } from '../format/schema.ts';
import { decodeNumbered } from '../format/segment.ts';
import { putObject } from './put.ts';
import type { WriterState } from './state.ts';

/** Puts the first segment where no other run has one: below the prefix, or with `.2`, `.3` … appended to it. */
export async function acquirePrefix(state: WriterState, object: Buffer): Promise<string> {
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

/** @returns whether it is stored: otherwise a recovery has the journal, and another one has to be begun */
export async function putNext(
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
