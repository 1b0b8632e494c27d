import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { formatCrc } from '../format/segment.ts';

export interface Assembly {
  /** The file whose bytes it has where no run has others. */
  readonly base: string;
  /** Files with bytes of its own, and where they belong. */
  readonly runs: readonly { readonly path: string; readonly offset: number }[];
  readonly size: number;
  /** Of all of it, as the journal writes it. */
  readonly crc32: string;
}

/**
 * Makes a content of an earlier one and the blocks in which it differs, whose files it takes the place of.
 * @returns whether it is what it was; if not, nothing has changed
 */
export async function assemble(path: string, assembly: Assembly): Promise<boolean> {
  const made = `${path}.made`;
  await copyFile(assembly.base, made, constants.COPYFILE_FICLONE);
  const file = await open(made, 'r+');
  let isRight = false;
  try {
    for (const run of assembly.runs) await copyInto(file, run);
    await file.truncate(assembly.size);
    isRight = (await checksumOf(file)) === assembly.crc32;
  } finally {
    await file.close();
    if (!isRight) await rm(made);
  }
  if (!isRight) return false;
  for (const run of assembly.runs) await rm(run.path);
  await rename(made, path);
  return true;
}

async function copyInto(to: FileHandle, { path, offset }: Assembly['runs'][number]): Promise<void> {
  const from = await open(path);
  try {
    let at = offset;
    for await (const bytes of slicesOf(from)) {
      await to.write(bytes, 0, bytes.length, at);
      at += bytes.length;
    }
  } finally {
    await from.close();
  }
}

async function checksumOf(file: FileHandle): Promise<string> {
  let crc = 0;
  for await (const bytes of slicesOf(file)) crc = crc32(bytes, crc);
  return formatCrc(crc);
}

/** Each is valid until the next one. */
async function* slicesOf(file: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(SLICE_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

const SLICE_BYTES = 256 * 1024;
