import { DamagedArchiveError } from './decode.ts';

/** Reads a stream of pieces by numbers of bytes. */
export interface ByteReader {
  /** How many bytes have been read. */
  at(): number;
  /** Exactly so many bytes, at once in memory. */
  take(bytes: number): Promise<Buffer>;
  /** So many bytes, piece by piece; what of them is not asked for is not read. */
  pieces(bytes: number): AsyncGenerator<Buffer, void>;
  skip(bytes: number): Promise<void>;
  /** All that is left. */
  rest(): AsyncGenerator<Buffer, void>;
}

/** @throws {DamagedArchiveError} by its methods, where the stream ends before that */
export function createByteReader(source: AsyncIterator<Buffer>): ByteReader {
  let rest: Buffer = Buffer.alloc(0);
  let position = 0;

  async function next(atMost: number): Promise<Buffer> {
    while (rest.length === 0) {
      const result = await source.next();
      if (result.done) throw new DamagedArchiveError(`the tar ends in the middle, after ${position} bytes`);
      rest = result.value;
    }
    const piece = rest.subarray(0, atMost);
    rest = rest.subarray(piece.length);
    position += piece.length;
    return piece;
  }

  async function* pieces(bytes: number): AsyncGenerator<Buffer, void> {
    for (let left = bytes; left > 0; ) {
      const piece = await next(left);
      left -= piece.length;
      yield piece;
    }
  }

  return {
    at: () => position,
    pieces,
    async take(bytes) {
      if (bytes === 0) return Buffer.alloc(0);
      const taken = await next(bytes);
      if (taken.length === bytes) return taken;
      const all = [taken];
      for await (const piece of pieces(bytes - taken.length)) all.push(piece);
      return Buffer.concat(all);
    },
    async skip(bytes) {
      for await (const _ of pieces(bytes));
    },
    async *rest() {
      if (rest.length > 0) yield rest;
      for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
    },
  };
}
