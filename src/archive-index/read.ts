import * as v from 'valibot';
import { decode } from '../unpack/decode.ts';
import { IndexEntry, IndexHeader } from './format.ts';

/** An index that is read. */
export interface ReadIndex {
  readonly header: IndexHeader;
  /** To be taken to their end, or returned. @throws {Error} where the index is cut off, or is none from there on */
  readonly entries: AsyncGenerator<IndexEntry, void>;
}

/** A header has some ten characters for each 2 MiB of the tar. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/**
 * Reads an index as its bytes come: one of a million entries takes no more memory than one of ten.
 * @param index its object
 * @throws {Error} where it is of another format, or no index
 */
export async function readIndex(index: AsyncIterable<Buffer>): Promise<ReadIndex> {
  const lines = linesOf(decode(index));
  const first = await lines.next();
  const header = v.safeParse(v.pipe(v.string(), v.parseJson(), IndexHeader), first.value);
  if (header.success) return { header: header.output, entries: entriesIn(lines) };
  await lines.return();
  throw new Error('it is of another version, or no index');
}

async function* entriesIn(lines: AsyncGenerator<string, void>): AsyncGenerator<IndexEntry, void> {
  for await (const line of lines) yield v.parse(Line, line);
}

const Line = v.pipe(v.string(), v.parseJson(), IndexEntry);

async function* linesOf(text: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of text) {
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
