import { inflateSync } from 'node:zlib';
import type { StoredWorld } from './site.ts';

const SECTOR = 4096;
const LENGTH_BYTES = 4;
const HEADER_BYTES = 5;

/**
 * Reads a region file of the Anvil format (https://minecraft.wiki/w/Region_file_format).
 * @param readChunk the numbers of the blocks in a chunk; throws when the chunk is damaged
 */
export function readRegion(bytes: Buffer, readChunk: (data: Buffer) => readonly number[]): StoredWorld {
  const blocks: number[] = [];
  let damagedChunks = 0;
  for (let slot = 0; slot < SECTOR / 4; slot += 1) {
    const location = bytes.length < 2 * SECTOR ? 0 : bytes.readUInt32BE(4 * slot);
    if (location === 0) continue;
    const at = (location >>> 8) * SECTOR;
    try {
      const end = at + LENGTH_BYTES + bytes.readUInt32BE(at);
      blocks.push(...readChunk(inflateSync(bytes.subarray(at + HEADER_BYTES, end))));
    } catch {
      damagedChunks += 1;
    }
  }
  return { blocks, damagedChunks };
}
