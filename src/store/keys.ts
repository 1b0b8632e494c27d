import { PermanentError } from './store.ts';

/** S3's longest key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/**
 * The parts of a key, none of which can lead out of the destination or means something else to a file system.
 * @throws {PermanentError} for a key that could
 */
export function partsOf(key: string): string[] {
  const parts = key.split('/');
  const isSound =
    Buffer.byteLength(key) <= MAX_KEY_BYTES &&
    parts.every(part => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  if (!isSound)
    throw new PermanentError(
      `${JSON.stringify(key)} is no key`,
      'Give a relative key of at most 1,024 bytes whose parts are neither empty nor "." nor "..".',
    );
  return parts;
}
