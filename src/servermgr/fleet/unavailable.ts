/** What is asked for cannot be known just now: the database cannot be asked. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly statusCode = 503;
}
