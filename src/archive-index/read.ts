import { createGunzip } from 'node:zlib';
import * as v from 'valibot';
import { IndexEntry, IndexHeader } from './format.ts';

/** An index that is whole. */
export interface ReadIndex {
  readonly header: IndexHeader;
  /** In the order of the archive. One after the other: all of a large index would not fit into memory. */
  entries(): AsyncGenerator<IndexEntry, void>;
}

/** A header has some ten characters for each 2 MiB of the tar. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/**
 * Reads an index, and checks it to its end: whoever uses it comes upon no fault half-way.
 * @param object as it is stored
 * @throws {Error} where it is of another format, is no index, or not whole
 */
export async function readIndex(object: Buffer): Promise<ReadIndex> {
  const lines = linesOf(object);
  const first = await lines.next();
  const header = v.safeParse(v.pipe(v.string(), v.parseJson(), IndexHeader), first.value);
  if (!header.success) {
    await lines.return();
    throw new Error('it is of another version, or no index');
  }
  for await (const line of lines) v.parse(Line, line);
  return { header: header.output, entries: () => entriesIn(linesOf(object)) };
}

async function* entriesIn(lines: AsyncGenerator<string, void>): AsyncGenerator<IndexEntry, void> {
  // The header.
  await lines.next();
  for await (const line of lines) yield v.parse(Line, line);
}

const Line = v.pipe(v.string(), v.parseJson(), IndexEntry);

async function* linesOf(object: Buffer): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of createGunzip().end(object)) {
    const [first = '', ...more] = decoder.decode(piece, { stream: true }).split('\n');
    rest += first;
    for (const next of more) {
      yield rest;
      rest = next;
    }
    if (rest.length > MAX_LINE_CHARS) throw new Error('a line is longer than any of an index');
  }
  if (rest !== '') throw new Error('it ends in the middle of a line');
}
