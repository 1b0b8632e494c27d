/** Whether an error is a fault of the program, which would be there again: nothing repeats what threw it. */
export function isBug(error: unknown): error is TypeError | ReferenceError | RangeError {
  return error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError;
}
