import { errorCode } from '../../../files/errno.ts';

/** The HTTP status by which the engine has refused; undefined: the error is not the engine's. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** Whether the engine has not answered: the connection failed or broke, or time was up. */
export function isUnanswered(error: unknown): boolean {
  if (statusOf(error) !== undefined) return false;
  return errorCode(error) !== undefined || (error instanceof Error && error.name === 'TimeoutError');
}

/** What the promise gives; undefined when the engine refuses by one of these. */
export async function unlessRefused<T>(
  request: Promise<T>,
  ...statuses: readonly number[]
): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
    return undefined;
  }
}
