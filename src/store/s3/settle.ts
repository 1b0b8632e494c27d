import { sleep, timeoutSignal } from '../../runtime/abort.ts';
import { isBug } from '../../runtime/bug.ts';
import { backoffMs, retry } from '../retry.ts';
import type { Confirmation } from './answer.ts';
import { type Bucket, headObject, type ObjectHead } from './objects.ts';

/** An archive as it was written, by which it is known again under its key. */
export interface Written {
  readonly key: string;
  readonly bytes: number;
  /** What S3 makes of the content. With KMS, and at some stores, an object has another one. */
  readonly etag: string;
  /** Names the upload in the object's metadata; no other object has it. */
  readonly upload: string;
  /** What the store's answer told of it; undefined: there was none that came. */
  readonly answer?: { readonly etag: string; readonly confirmation: Confirmation };
}

/** What a key was found to have. */
export type Finding =
  /** The archive, of its size. */
  | { readonly state: 'there' }
  /** The archive, with another size, or with none that is told. */
  | { readonly state: 'differs'; readonly bytes: number | undefined }
  /** Something that does not say what it is: its size is that of the archive, or it has another one. */
  | { readonly state: 'unclear'; readonly bytes: number | undefined }
  | { readonly state: 'foreign' }
  | { readonly state: 'absent' }
  /** The rights do not allow to look, or no answer came. */
  | { readonly state: 'unknown' };

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 1_000;

/**
 * Looks for an archive. Some stores show a new object, or its size, only after seconds: anything but the archive is
 * looked at again, every second in the end, until `isFinal`, the time, or the signal says that it is enough.
 * @returns what was found last
 */
export async function lookFor(
  bucket: Bucket,
  written: Written,
  { signal, lookMs, isFinal }: LookOptions,
): Promise<Finding> {
  const limit = timeoutSignal(lookMs, signal);
  let found: Finding = { state: 'unknown' };
  try {
    for (let looks = 1; ; looks += 1) {
      const look = (attempt: AbortSignal) => headObject(bucket, written.key, attempt);
      found = compare(await retry(`head ${written.key}`, look, { ...bucket.retry, signal: limit }), written);
      if (found.state === 'there' || found.state === 'unknown' || isFinal(found)) return found;
      await sleep(backoffMs(looks, FIRST_WAIT_MS, MAX_WAIT_MS), limit);
    }
  } catch (error) {
    if (isBug(error)) throw error;
    // Time is up, or the HEAD is refused: what the archive's own requests were answered counts for more.
    return found;
  }
}

export interface LookOptions {
  readonly signal: AbortSignal;
  readonly lookMs: number;
  readonly isFinal: (found: Finding) => boolean;
}

function compare(head: ObjectHead | 'absent' | 'unknown', written: Written): Finding {
  if (head === 'absent' || head === 'unknown') return { state: head };
  const { bytes } = head;
  const isSameContent = head.etag === written.etag;
  const isSameObject = head.upload === written.upload || head.etag === written.answer?.etag;
  if (isSameContent || isSameObject) {
    const isWhole = bytes === written.bytes || (bytes === undefined && isSameContent);
    return isWhole ? { state: 'there' } : { state: 'differs', bytes };
  }
  return head.upload === undefined ? { state: 'unclear', bytes } : { state: 'foreign' };
}
