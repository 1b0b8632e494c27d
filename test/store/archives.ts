import { createHash } from 'node:crypto';

/** Bytes that differ from place to place, so that chunks cannot be mixed up unnoticed. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4096) bytes.writeUInt32LE((at ^ (seed * 2654435761)) >>> 0, at);
  if (length > 0) bytes[length - 1] = seed & 255;
  return bytes;
}

/** The archive as it is handed over: chunks of one size, the last smaller. */
export async function* inChunks(bytes: Buffer, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Some chunks, then nothing more, for ever; tells whether it was let go. */
export function thenIdle(chunks: readonly Buffer[]): AsyncIterable<Buffer> & { readonly isClosed: boolean } {
  const left = [...chunks];
  return {
    isClosed: false,
    [Symbol.asyncIterator]() {
      return {
        next: () => {
          const value = left.shift();
          return value ? Promise.resolve({ done: false, value }) : new Promise(() => undefined);
        },
        return: async () => {
          Object.assign(this, { isClosed: true });
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** Some chunks, then an error. */
export async function* thenFails(chunks: readonly Buffer[], error: Error): AsyncGenerator<Buffer> {
  yield* chunks;
  throw error;
}

export async function digestOf(chunks: AsyncIterable<Buffer> | undefined): Promise<string | undefined> {
  if (chunks === undefined) return undefined;
  const digest = createHash('sha256');
  for await (const chunk of chunks) digest.update(chunk);
  return digest.digest('hex');
}

export function digestOfBytes(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
