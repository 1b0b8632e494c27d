import { createHash } from 'node:crypto';
import { keepYoungGenerationSmall } from '../runtime/heap.ts';
import { readPatiently } from '../store/silence.ts';
import type { Store } from '../store/store.ts';
import { decode } from '../unpack/decode.ts';
import { type ArchivedEntry, readTar } from '../unpack/read-tar.ts';

/** An archive that is read, from its beginning to as far as somebody wants it. */
export interface ReadArchive {
  /** @throws {DamagedArchiveError} where it cannot be unpacked any further, and what the store throws */
  readonly entries: AsyncGenerator<ArchivedEntry, void>;
  /** How many of its bytes have come so far. */
  bytesRead(): number;
  /** Of what has been read, in hexadecimal: once the last entry was taken, of the whole. Asked for once. */
  sha256(): string;
}

/** Reads what an archive at a store holds. */
export function readArchive(destination: Store, key: string, signal: AbortSignal): ReadArchive {
  keepYoungGenerationSmall();
  const digest = createHash('sha256');
  let bytes = 0;

  async function* counted(): AsyncGenerator<Buffer, void> {
    for await (const piece of readPatiently(destination, key, signal)) {
      digest.update(piece);
      bytes += piece.length;
      yield piece;
    }
  }

  return { entries: readTar(decode(counted())), bytesRead: () => bytes, sha256: () => digest.digest('hex') };
}
