/** What is asked for cannot be known just now: a page says so, and answers 503. */
class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly statusCode = 503;
}

/** The answer of the database. @throws {UnavailableError} when it cannot be asked */
export async function orUnavailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new UnavailableError('the database cannot be asked', { cause });
  }
}
