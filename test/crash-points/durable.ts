import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpack } from '../kills/unpack.ts';
import type { Durable } from '../proof/model.ts';
import { readTree } from '../support/known-files.ts';
import type { StoredEvent } from './place.ts';

/** As much of a segment's index as is needed to put its pieces together: docs/journal.md. */
interface Index {
  readonly placed: readonly { readonly generation: number; readonly path: string }[];
  readonly pieces: readonly {
    readonly generation: number;
    readonly path: string;
    readonly offset: number;
    readonly length: number;
    readonly whole?: number;
  }[];
}

/** What a store has made durable, by GNU tar and this page of code: not by the product's reader. */
export interface DurableFacts {
  /** What each segment has added: of each path that it names, all bytes of that content up to then. */
  readonly ofSegments: ReadonlyMap<StoredEvent, Durable>;
  readonly ofArchives: ReadonlyMap<StoredEvent, ReadonlyMap<string, Buffer>>;
}

const SEGMENT = /\/journal[^/]*\/\d+\.tar\.gz$/;

export async function readDurable(events: readonly StoredEvent[], scratch: string): Promise<DurableFacts> {
  const ofSegments = new Map<StoredEvent, Durable>();
  const ofArchives = new Map<StoredEvent, ReadonlyMap<string, Buffer>>();
  const contents = new Map<number, Buffer>();
  for (const [number, event] of events.entries()) {
    if (event.bytes === undefined || !event.key.endsWith('.tar.gz')) continue;
    const folder = join(scratch, `put.${number}`);
    await writeFile(`${folder}.tar.gz`, event.bytes);
    await unpack([`${folder}.tar.gz`], folder);
    if (SEGMENT.test(event.key)) ofSegments.set(event, await replay(folder, contents));
    else ofArchives.set(event, await readTree(folder));
  }
  return { ofSegments, ofArchives };
}

/** @param contents the bytes of each generation so far: those of this segment are added */
async function replay(folder: string, contents: Map<number, Buffer>): Promise<Durable> {
  const index: Index | { readonly fence: unknown } = JSON.parse(
    await readFile(join(folder, 'journal.json'), 'utf8'),
  );
  if ('fence' in index) return [];
  const { placed, pieces } = index;
  const facts: [string, Buffer][] = [];
  const names = await readTree(folder);
  for (const { generation, path, offset, length, whole = 0 } of pieces) {
    const at = `@${String(offset).padStart(20, '0')}`;
    const plain = names.get(`${path}${at}`);
    const bytes = names.get(`${path}#${String(generation).padStart(8, '0')}${at}`) ?? plain;
    if (bytes?.length !== length) throw new Error(`the segment lacks ${path}${at}`);
    const before = contents.get(generation) ?? Buffer.alloc(0);
    const all = Buffer.concat([before.subarray(0, offset), bytes]);
    contents.set(generation, all);
    if (all.length >= whole) facts.push([path, all]);
  }
  for (const { generation, path } of placed) facts.push([path, contents.get(generation) ?? Buffer.alloc(0)]);
  return facts;
}
