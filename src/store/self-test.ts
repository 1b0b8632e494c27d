import { randomUUID } from 'node:crypto';
import { type Conditions, conditionsNotice, putTwice } from './conditions.ts';
import { PermanentError, type Store } from './store.ts';

/** One request that was tried, for a person to read. */
export interface SelfTestStep {
  readonly what: 'check' | 'put' | 'conditions' | 'delete';
  /** `note`: a session can be saved without it. */
  readonly result: 'fine' | 'note' | 'fault';
  readonly detail: string;
  readonly remedy: string | undefined;
}

/**
 * Tries everything that a session does with its store, on a small object: `check`, a write, one that must not overwrite,
 * and a deletion, which only the journal needs.
 */
export async function selfTest(destination: Store, signal: AbortSignal): Promise<SelfTestStep[]> {
  const checked = await tryCheck(destination, signal);
  if (checked.result === 'fault') return [checked];
  // Where nobody who reads archives looks.
  const key = `.sessions/doctor-${randomUUID()}.json`;
  const body = (number: number) =>
    Buffer.from(`Written by craftassist-session doctor, ${number} of 2; it can be deleted.\n`);
  let conditions: Conditions = 'honoured';
  const put = await attempt('put', 'a small object can be written', 'fault', async () => {
    const found = await putTwice(destination, key, { signal, body });
    if (found !== 'taken') conditions = found;
    if (found === 'refused') await destination.put(key, body(1), { signal });
  });
  if (put.result === 'fault') return [checked, put];
  const before = [checked, put, conditionsStep(conditions)];
  const deleted = await attempt('delete', 'it can be deleted again', 'note', () =>
    destination.delete([key], signal),
  );
  if (deleted.result === 'fine') return [...before, deleted];
  const detail = `${deleted.detail}; ${key} stays there, and so will journals`;
  return [...before, { ...deleted, detail }];
}

function conditionsStep(conditions: Conditions): SelfTestStep {
  const detail = conditionsNotice(conditions);
  const what = 'conditions';
  return detail === undefined
    ? { what, result: 'fine', detail: 'nothing that is there can be overwritten', remedy: undefined }
    : { what, result: 'note', detail, remedy: undefined };
}

async function tryCheck(destination: Store, signal: AbortSignal): Promise<SelfTestStep> {
  const check = await destination.check(signal);
  switch (check.state) {
    case 'ok':
      return {
        what: 'check',
        result: 'fine',
        detail: `${destination.url} takes archives`,
        remedy: undefined,
      };
    case 'denied':
      return { what: 'check', result: 'fault', detail: check.why, remedy: check.remedy };
    case 'unavailable':
      return { what: 'check', result: 'fault', detail: check.why, remedy: 'Try again when it answers.' };
    default:
      return check satisfies never;
  }
}

async function attempt(
  what: 'put' | 'delete',
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
