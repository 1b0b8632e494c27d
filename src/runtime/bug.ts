/**
 * Whether an error is a fault of the program, or was caused by one, which would be there again: nothing repeats what
 * threw it.
 */
export function isBug(error: unknown): error is Error {
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    if (isOwnFault(at)) return true;
    seen.add(at);
  }
  return false;
}

/** By a RangeError of this code zlib tells that something unpacks to more than it may: the fault of what is unpacked. */
const UNPACKS_TO_MORE = 'ERR_BUFFER_TOO_LARGE';

function isOwnFault(error: Error): boolean {
  if ('code' in error && error.code === UNPACKS_TO_MORE) return false;
  return [TypeError, ReferenceError, RangeError].some(kind => error instanceof kind);
}
