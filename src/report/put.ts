import { isBug } from '../runtime/bug.ts';
import { readText } from '../store/read.ts';
import { AlreadyExistsError, ConditionRefusedError, type Store } from '../store/store.ts';
import { type FoundReport, parseReport } from './schema.ts';
import { nextReportKey } from './session-folder.ts';

export interface PutReportOptions {
  /** Whether a report that is there is of the same run: it is replaced. */
  readonly isOwn: (found: FoundReport) => boolean;
  readonly signal: AbortSignal;
}

const MAX_REPORTS = 100;
/** More than any report holds. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Puts a report to its key, or where something else is there, to `session.2.json` and so on beside it: a claim that was
 * deleted leaves the name to another run.
 * @returns the key that it has
 * @throws as `Store.put` does
 */
export async function putReport(
  store: Store,
  firstKey: string,
  body: Buffer,
  { isOwn, signal }: PutReportOptions,
): Promise<string> {
  let key = firstKey;
  for (let n = 1; n <= MAX_REPORTS; n += 1) {
    const found = await lookAt(store, key, isOwn, signal);
    if (found !== 'other' && (await putUnlessTaken(store, key, body, found === 'own', signal))) return key;
    key = nextReportKey(key);
  }
  throw new Error(`${store.url} has something else at each of ${MAX_REPORTS} keys, from ${firstKey} on`);
}

/** What is at a key; `unknown`: the condition of the put has to tell. */
async function lookAt(
  store: Store,
  key: string,
  isOwn: PutReportOptions['isOwn'],
  signal: AbortSignal,
): Promise<'nothing' | 'own' | 'other' | 'unknown'> {
  try {
    const text = await readText(store, key, { maxBytes: MAX_BYTES, signal });
    if (text === undefined) return 'nothing';
    const report = parseReport(text);
    return report !== undefined && isOwn(report) ? 'own' : 'other';
  } catch (error) {
    signal.throwIfAborted();
    if (isBug(error)) throw error;
    // Saving needs no right to read.
    return 'unknown';
  }
}

async function putUnlessTaken(
  store: Store,
  key: string,
  body: Buffer,
  replace: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await store.put(key, body, { signal, ifAbsent: !replace });
    return true;
  } catch (error) {
    if (error instanceof AlreadyExistsError) return false;
    if (!(error instanceof ConditionRefusedError)) throw error;
    await store.put(key, body, { signal });
    return true;
  }
}
