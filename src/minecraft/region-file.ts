import { crc32, gunzipSync, inflateSync } from 'node:zlib';
import { createYielder } from '../runtime/concurrency.ts';

/** A file to be looked at. */
interface RegionSource {
  /** What tells it from others. */
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Reads at most 256 KiB; the bytes are valid until the next read. */
  read(offset: number, length: number): Buffer;
}

export interface RegionCheck {
  /** Whether a file of this name is a region file. */
  concerns(path: string): boolean;
  /** @returns why it cannot be taken for a whole one; undefined: it can */
  look(file: RegionSource): Promise<string | undefined>;
}

const SECTOR_BYTES = 4096;
const SLOTS = 1024;
/** The table of locations, and that of times. */
const TABLE_SECTORS = 2;
/** A chunk's length, and how it is compressed. */
const HEADER_BYTES = 5;
const READ_BYTES = 256 * 1024;
/** A chunk is half a MiB at most, as a rule; what claims to be more than this is no chunk. */
const MAX_CHUNK_BYTES = 64 * 1024 * 1024;

/** Servers save chunk after chunk, each with several writes: one that has just been written to is in the middle of that. */
const REST_MS = 500;

/**
 * Tells region files (https://minecraft.wiki/w/Region_file_format) that are whole from those that a server is in the
 * middle of saving, in which a chunk may be half of the last save and half of this one: by their tables, and by the
 * checksum at the end of each chunk's content. Chunks that were whole before, and are as they were, are not read twice.
 */
export function createRegionCheck(): RegionCheck {
  const known = new Map<string, Uint32Array>();
  return {
    concerns: path => path.endsWith('.mca'),
    async look(file) {
      const restMs = Date.now() - file.mtimeMs;
      if (restMs >= 0 && restMs < REST_MS) return 'it is being written';
      if (file.size === 0) return undefined;
      const checksums = known.get(file.path) ?? new Uint32Array(SLOTS);
      known.set(file.path, checksums);
      return findFault(file, checksums);
    },
  };
}

/** @param checksums of the chunks that are known to be whole; 0: not known */
async function findFault(file: RegionSource, checksums: Uint32Array): Promise<string | undefined> {
  const pace = createYielder();
  const table = Buffer.from(file.read(0, SECTOR_BYTES));
  if (table.length < SECTOR_BYTES || file.size < TABLE_SECTORS * SECTOR_BYTES)
    return 'its tables are cut off';
  const owners = new Map<number, number>();
  for (let slot = 0; slot < SLOTS; slot += 1) {
    const location = table.readUInt32BE(4 * slot);
    if (location === 0) continue;
    const place = { first: location >>> 8, count: location & 0xff };
    const fault = misplaced(place, slot, owners) ?? faultOfChunk(file, place, slot, checksums);
    if (fault !== undefined) return `its chunk ${slot} ${fault}`;
    await pace();
  }
  return undefined;
}

interface Place {
  readonly first: number;
  readonly count: number;
}

function misplaced({ first, count }: Place, slot: number, owners: Map<number, number>): string | undefined {
  if (first < TABLE_SECTORS || count === 0) return 'is where the tables are';
  for (let sector = first; sector < first + count; sector += 1) {
    const owner = owners.get(sector);
    if (owner !== undefined) return `overlaps chunk ${owner}`;
    owners.set(sector, slot);
  }
  return undefined;
}

function faultOfChunk(
  file: RegionSource,
  { first, count }: Place,
  slot: number,
  checksums: Uint32Array,
): string | undefined {
  const bytes = readAll(file, first * SECTOR_BYTES, count * SECTOR_BYTES);
  if (bytes.length < HEADER_BYTES) return 'is behind the end of the file';
  const end = 4 + bytes.readUInt32BE(0);
  if (end < HEADER_BYTES || end > count * SECTOR_BYTES) return 'is longer than its sectors';
  if (end > bytes.length) return 'is cut off by the end of the file';
  const chunk = bytes.subarray(0, end);
  const checksum = crc32(chunk);
  if (checksum !== 0 && checksum === checksums[slot]) return undefined;
  const fault = faultOfContent(chunk.readUInt8(4), chunk.subarray(HEADER_BYTES));
  checksums[slot] = fault === undefined ? checksum : 0;
  return fault;
}

function readAll(file: RegionSource, offset: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < length; at += READ_BYTES)
    parts.push(Buffer.from(file.read(offset + at, Math.min(READ_BYTES, length - at))));
  return Buffer.concat(parts);
}

const GZIP = 1;
const ZLIB = 2;
/** The content is in a file of its own (`c.x.z.mcc`). */
const EXTERNAL = 0x80;
/** Those two where they are external, none, LZ4, and one of somebody's own: what is in them is not looked at. */
const OTHERS = new Set([GZIP, ZLIB, 3, 4, 127]);

function faultOfContent(compression: number, content: Buffer): string | undefined {
  const options = { maxOutputLength: MAX_CHUNK_BYTES };
  try {
    if (compression === GZIP) gunzipSync(content, options);
    else if (compression === ZLIB) inflateSync(content, options);
    else if (!OTHERS.has(compression & ~EXTERNAL)) return 'is compressed in no way that is known';
    return undefined;
  } catch (error) {
    if (error instanceof Error) return 'is not whole';
    throw error;
  }
}
