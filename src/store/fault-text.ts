import { errorText } from '../runtime/text.ts';
import { PermanentError } from './store.ts';

/** What went wrong at a store, and what a person can do about it where that is known. */
export function faultText(error: unknown): string {
  const remedy = remedyIn(error);
  return remedy === undefined ? errorText(error) : `${errorText(error)}. ${remedy}`;
}

function remedyIn(error: unknown): string | undefined {
  if (error instanceof PermanentError) return error.remedy;
  return error instanceof Error ? remedyIn(error.cause) : undefined;
}
