import { randomUUID } from 'node:crypto';
import { type Conditions, conditionsNotice, putTwice } from './conditions.ts';
import { PermanentError, type Store } from './store.ts';

/** One request that was tried, for a person to read. */
export interface SelfTestStep {
  readonly what: 'check' | 'put' | 'conditions' | 'archive' | 'delete';
  /** `note`: a session can be saved without it. */
  readonly result: 'fine' | 'note' | 'fault';
  readonly detail: string;
  readonly remedy: string | undefined;
}

/**
 * Tries everything that a session does with its store, on objects of its own: `check`, a write, an archive in parts,
 * each once more where it must not overwrite, and a deletion, which only the journal needs.
 */
export async function selfTest(destination: Store, signal: AbortSignal): Promise<SelfTestStep[]> {
  const checked = await tryCheck(destination, signal);
  if (checked.result === 'fault') return [checked];
  // Where nobody who reads archives looks.
  const name = `.sessions/doctor-${randomUUID()}`;
  const [key, archiveKey] = [`${name}.json`, `${name}.tar.gz`];
  let conditions: Conditions = 'honoured';
  const put = await attempt('put', 'a small object can be written', 'fault', async () => {
    conditions = await writeTwice(destination, key, destination.put, signal);
  });
  if (put.result === 'fault') return [checked, put];
  let inParts: Conditions = conditions;
  const archive = await attempt('archive', 'an archive can be sent in parts', 'fault', async () => {
    inParts = await writeTwice(destination, archiveKey, putInParts(destination), signal);
  });
  const before = [checked, put, conditionsStep(conditions), archiveStep(archive, conditions, inParts)];
  const keys = archive.result === 'fault' ? [key] : [key, archiveKey];
  const deleted = await attempt('delete', 'what was written can be deleted again', 'note', () =>
    destination.delete(keys, signal),
  );
  if (deleted.result === 'fine') return [...before, deleted];
  const detail = `${deleted.detail}; ${keys.join(' and ')} will stay, and so will journals`;
  return [...before, { ...deleted, detail }];
}

/** @returns what the store makes of a condition there */
async function writeTwice(
  destination: Store,
  key: string,
  put: Store['put'],
  signal: AbortSignal,
): Promise<Conditions> {
  const body = (number: number) =>
    Buffer.from(`Written by craftassist-session doctor, ${number} of 2; it can be deleted.\n`);
  const found = await putTwice(destination, key, { signal, body, put });
  if (found === 'refused') await put(key, body(1), { signal, ifAbsent: false });
  return found === 'taken' ? 'honoured' : found;
}

const ARCHIVE_STALL_MS = 20_000;

function putInParts(destination: Store): Store['put'] {
  async function* parts(last: Buffer) {
    yield Buffer.alloc(destination.chunkBytes(0));
    yield last;
  }
  return async (key, body, options) => {
    await destination.store(key, parts(body), { ...options, stallMs: ARCHIVE_STALL_MS });
  };
}

function conditionsStep(conditions: Conditions): SelfTestStep {
  const detail = conditionsNotice(conditions);
  const what = 'conditions';
  return detail === undefined
    ? { what, result: 'fine', detail: 'nothing that is there can be overwritten', remedy: undefined }
    : { what, result: 'note', detail, remedy: undefined };
}

/** What is sent in parts may be guarded less than small objects are: Ceph 16 ignores the condition at its end. */
function archiveStep(step: SelfTestStep, small: Conditions, inParts: Conditions): SelfTestStep {
  if (step.result === 'fault' || inParts === 'honoured' || inParts === small) return step;
  const detail =
    `${step.detail}, but the store ${inParts === 'ignored' ? 'ignores' : 'refuses'} the condition at its end: one that ` +
    'another program puts at its key meanwhile is replaced';
  return { ...step, result: 'note', detail };
}

async function tryCheck(destination: Store, signal: AbortSignal): Promise<SelfTestStep> {
  const check = await destination.check(signal);
  switch (check.state) {
    case 'ok': {
      const { notice } = check;
      const detail = `${destination.url} takes archives`;
      if (notice === undefined) return { what: 'check', result: 'fine', detail, remedy: undefined };
      return { what: 'check', result: 'note', detail: `${detail}, but: ${notice}`, remedy: undefined };
    }
    case 'denied':
      return { what: 'check', result: 'fault', detail: check.why, remedy: check.remedy };
    case 'unavailable':
      return { what: 'check', result: 'fault', detail: check.why, remedy: 'Try again when it answers.' };
    default:
      return check satisfies never;
  }
}

async function attempt(
  what: 'put' | 'archive' | 'delete',
  detail: string,
  otherwise: 'note' | 'fault',
  work: () => Promise<void>,
): Promise<SelfTestStep> {
  try {
    await work();
    return { what, result: 'fine', detail, remedy: undefined };
  } catch (error) {
    const remedy = error instanceof PermanentError ? error.remedy : undefined;
    return {
      what,
      result: otherwise,
      detail: error instanceof Error ? error.message : String(error),
      remedy,
    };
  }
}
