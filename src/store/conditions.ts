import { AlreadyExistsError, ConditionRefusedError, type Store } from './store.ts';

/** What a store makes of a write that must not replace anything. */
export type Conditions = 'honoured' | 'ignored' | 'refused';

interface PutTwiceOptions {
  readonly signal: AbortSignal;
  /** The object's bytes: other ones each time, or the second put would be taken for a repetition of the first. */
  readonly body: (attempt: 1 | 2) => Buffer;
  readonly put?: Store['put'];
}

/**
 * Puts one small object twice, each time only if it is not there: what a store answers to the second is the proof of
 * whether it honours conditions. Ceph 16 ignores them on CompleteMultipartUpload alone, others on PutObject as well;
 * Swift and Backblaze B2 refuse them.
 * @returns `taken` when another object is there already
 */
export async function putTwice(
  store: Store,
  key: string,
  { signal, body, put = store.put }: PutTwiceOptions,
): Promise<Conditions | 'taken'> {
  for (const attempt of [1, 2] as const) {
    try {
      await put(key, body(attempt), { signal, ifAbsent: true });
    } catch (error) {
      if (error instanceof ConditionRefusedError) return 'refused';
      if (!(error instanceof AlreadyExistsError)) throw error;
      return attempt === 1 ? 'taken' : 'honoured';
    }
  }
  return 'ignored';
}

/** What is not excluded at a store, for a person; undefined: nothing is missing. */
export function conditionsNotice(conditions: Conditions): string | undefined {
  if (conditions === 'honoured') return undefined;
  return (
    `the store ${conditions === 'ignored' ? 'ignores' : 'refuses'} conditional writes: sessions of one TIMESTAMP are ` +
    'told apart by a listing, and one that comes late lets two of them write to the same place; give each session a ' +
    'TIMESTAMP of its own'
  );
}
