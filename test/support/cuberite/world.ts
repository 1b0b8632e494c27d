import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, constants, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';

/** Blocks by their number, with the time (Date.now) of each: what a chunk of the stand-in's world holds. */
export type Blocks = readonly (readonly [number: number, atMs: number])[];

/** Blocks are placed in these chunks of the one region in turn. */
const CHUNKS = 24;
const SECTOR = 4096;
const HEADER_BYTES = 5;
const ZLIB = 2;

/** The region file of the world; a file beside it says which blocks were placed. */
export class World {
  readonly #chunks = new Map<number, [number, number][]>();
  readonly #dirty = new Set<number>();
  readonly #folder: string;
  readonly #truth: string;
  #placed = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(folder: string, truth: string) {
    this.#folder = folder;
    this.#truth = truth;
  }

  placeBlock(): void {
    const chunk = (this.#placed * 7) % CHUNKS;
    const block: [number, number] = [this.#placed, Date.now()];
    this.#placed += 1;
    this.#chunks.set(chunk, [...(this.#chunks.get(chunk) ?? []), block]);
    this.#dirty.add(chunk);
    appendFileSync(this.#truth, `${block.join(' ')}\n`);
  }

  /** As Cuberite's storage thread does: chunk after chunk, each with several writes into the file as it is. */
  save(): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    // What is saved is what there was when that was asked for.
    const contents = dirty.map(chunk => [chunk, encodeChunk(this.#chunks.get(chunk) ?? [])] as const);
    this.#saving = this.#saving.then(() => this.#write(contents));
    return this.#saving;
  }

  async #write(contents: readonly (readonly [number, Buffer])[]): Promise<void> {
    mkdirSync(`${this.#folder}/region`, { recursive: true });
    const fd = openSync(`${this.#folder}/region/r.0.0.mca`, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const tables = Buffer.alloc(2 * SECTOR);
      if (readSync(fd, tables, 0, tables.length, 0) === 0) writeSync(fd, tables, 0, tables.length, 0);
      for (const [chunk, data] of contents) await writeChunk(fd, tables, chunk, data);
    } finally {
      closeSync(fd);
    }
  }
}

/** In the order of src/WorldStorage/WSSAnvil.cpp, cMCAFile::SetChunkData. */
async function writeChunk(fd: number, tables: Buffer, chunk: number, data: Buffer): Promise<void> {
  const sectors = Math.ceil((data.length + HEADER_BYTES) / SECTOR);
  const sector = findSector(tables, chunk, sectors);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(data.length + 1);
  header[4] = ZLIB;
  const padding = Buffer.alloc(sectors * SECTOR - HEADER_BYTES - data.length);
  const bytes = Buffer.concat([header, data, padding]);
  // Each of C's writes of a buffer is one of its own.
  for (let at = 0; at < bytes.length; at += SECTOR) {
    writeSync(fd, bytes, at, SECTOR, sector * SECTOR + at);
    await setImmediate();
  }
  tables.writeUInt32BE((sector << 8) | sectors, 4 * chunk);
  writeSync(fd, tables, 0, SECTOR, 0);
  await setImmediate();
  tables.writeUInt32BE(Math.trunc(Date.now() / 1000), SECTOR + 4 * chunk);
  writeSync(fd, tables, SECTOR, SECTOR, SECTOR);
}

/** Where it was, if it fits there; otherwise at the end. */
function findSector(tables: Buffer, chunk: number, sectors: number): number {
  const location = tables.readUInt32BE(4 * chunk);
  if (location !== 0 && sectors <= (location & 0xff)) return location >>> 8;
  let end = 2;
  for (let at = 0; at < SECTOR; at += 4) {
    const each = tables.readUInt32BE(at);
    end = Math.max(end, (each >>> 8) + (each & 0xff));
  }
  return end;
}

/** With noise of several sectors, as a chunk has it, which is other with each block. */
function encodeChunk(blocks: Blocks): Buffer {
  const seed = createHash('sha256').update(JSON.stringify(blocks)).digest();
  const noise = Array.from({ length: 200 }, (_, n) =>
    createHash('sha256').update(seed).update(`${n}`).digest(),
  );
  const text = JSON.stringify({ blocks, noise: Buffer.concat(noise).toString('base64') });
  return deflateSync(`${createHash('sha256').update(text).digest('hex')}${text}`);
}
