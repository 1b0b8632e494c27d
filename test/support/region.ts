import { deflateSync } from 'node:zlib';

const SECTOR = 4096;

/** A region file with a chunk in each of the first slots, each with this content. */
export function regionFile(contents: readonly (string | Buffer)[]): Buffer {
  const tables = Buffer.alloc(2 * SECTOR);
  const chunks = contents.map(content => {
    const data = deflateSync(content);
    const chunk = Buffer.alloc(Math.ceil((data.length + 5) / SECTOR) * SECTOR);
    chunk.writeUInt32BE(data.length + 1);
    chunk[4] = 2;
    data.copy(chunk, 5);
    return chunk;
  });
  let sector = 2;
  for (const [slot, { length }] of chunks.entries()) {
    tables.writeUInt32BE((sector << 8) | (length / SECTOR), 4 * slot);
    sector += length / SECTOR;
  }
  return Buffer.concat([tables, ...chunks]);
}
