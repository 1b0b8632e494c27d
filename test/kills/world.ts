import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import type { Blocks } from '../support/cuberite/world.ts';

const SECTOR = 4096;

export interface StoredWorld {
  readonly blocks: Blocks;
  /** Chunks of the region that are not as they were ever saved. */
  readonly damagedChunks: number;
}

/** Reads a region file of the stand-in's; nothing of it is taken on trust. */
export function readRegion(bytes: Buffer): StoredWorld {
  const blocks: (readonly [number, number])[] = [];
  let damagedChunks = 0;
  for (let slot = 0; slot < SECTOR / 4; slot += 1) {
    const location = bytes.length < 2 * SECTOR ? 0 : bytes.readUInt32BE(4 * slot);
    if (location === 0) continue;
    const found = readChunk(bytes, (location >>> 8) * SECTOR);
    if (found === undefined) damagedChunks += 1;
    else blocks.push(...found);
  }
  return { blocks, damagedChunks };
}

/** @returns the blocks of a chunk that proves itself */
function readChunk(bytes: Buffer, at: number): Blocks | undefined {
  try {
    const text = inflateSync(bytes.subarray(at + 5, at + 4 + bytes.readUInt32BE(at))).toString();
    const isWhole = createHash('sha256').update(text.slice(64)).digest('hex') === text.slice(0, 64);
    return isWhole ? JSON.parse(text.slice(64)).blocks : undefined;
  } catch {
    return undefined;
  }
}

/** The blocks that were placed, as the stand-in wrote them down. */
export function readTruth(text: string): Blocks {
  const lines = text.split('\n').slice(0, -1);
  return lines.map(line => {
    const [number, atMs] = line.split(' ').map(Number);
    return [number ?? Number.NaN, atMs ?? Number.NaN];
  });
}
