import { mkdir } from 'node:fs/promises';
import { decode } from '../../src/unpack/decode.ts';
import { type Extracted, extract } from '../../src/unpack/extract.ts';
import { type ArchivedEntry, readTar } from '../../src/unpack/read-tar.ts';

/** The entries of an archive that comes in pieces of a size, as from a network. */
export function entriesOf(archive: Buffer, pieceBytes = 50_000): AsyncGenerator<ArchivedEntry, void> {
  return readTar(decode(piecesOf(archive, pieceBytes)));
}

/** Unpacks an archive into a new folder. */
export async function unpackInto(folder: string, archive: Buffer, pieceBytes?: number): Promise<Extracted> {
  await mkdir(folder);
  const { signal } = new AbortController();
  return await extract(entriesOf(archive, pieceBytes), { folder, signal });
}

/** Reads an archive to its end, contents included. @returns how many entries it has */
export async function readWhole(archive: Buffer): Promise<number> {
  let entries = 0;
  for await (const { content } of entriesOf(archive)) {
    entries += 1;
    for await (const _ of content);
  }
  return entries;
}

async function* piecesOf(archive: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < archive.length; at += bytes) yield archive.subarray(at, at + bytes);
}
