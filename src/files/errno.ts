import { getSystemErrorMessage } from 'node:util';
import { errorMessage } from '../runtime/text.ts';

/** The error code of the system or of Node, e.g. `ENOSPC`; undefined: the error has none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether an error has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = errorCode(error);
  return code !== undefined && codes.includes(code);
}

/** Whether a file operation failed because there is nothing at the path. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR');
}

/** The result of a file operation; undefined when there is nothing at its path. @throws every other error. */
export async function unlessMissing<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The system's description and code, without the path: `permission denied (EACCES)`; else the error's message. */
export function systemErrorText(error: unknown): string {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number'
    ? `${getSystemErrorMessage(error.errno)} (${errorCode(error)})`
    : errorMessage(error);
}

/** Why a file that was found in a folder a moment before could not be read, in a few words for a report. */
export function describeFsError(error: unknown): string {
  const code = errorCode(error);
  return code === undefined ? String(error) : (DESCRIPTIONS[code] ?? code);
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'vanished',
  ENOTDIR: 'vanished',
  ESTALE: 'vanished',
  ELOOP: 'became a symbolic link',
  ENXIO: 'a socket',
  EIO: 'input/output error',
  ENAMETOOLONG: 'path too long',
};
