import type { WriterState } from './state.ts';

const FIRST_ATTEMPT_MS = 20_000;

/** Puts an object of the journal, retrying until it is there. @throws as `Store.put` does */
export async function putObject(
  state: WriterState,
  key: string,
  body: Buffer,
  ifAbsent: boolean,
): Promise<void> {
  await state.options.destination.put(key, body, {
    ifAbsent,
    signal: state.cancelled.signal,
    retry: {
      attemptTimeoutMs: FIRST_ATTEMPT_MS,
      urgent: state.finishing.signal,
      onFailure: why => onUploadFailed(state, why),
    },
  });
  onUploaded(state);
}

/** Tells of the first failure of an outage. */
export function onUploadFailed(state: WriterState, why: string): void {
  state.failures += 1;
  if (state.failingSinceMs !== undefined) return;
  state.failingSinceMs = performance.now();
  state.options.onProblem({ kind: 'upload-failing', why });
}

/** Tells that the store is back, if it was not. */
export function onUploaded(state: WriterState): void {
  state.uploadedAtMs = performance.now();
  if (state.failingSinceMs === undefined) return;
  const afterMs = Math.round(performance.now() - state.failingSinceMs);
  state.options.onProblem({ kind: 'upload-recovered', afterMs });
  state.failingSinceMs = undefined;
}
