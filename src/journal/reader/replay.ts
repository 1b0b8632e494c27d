import { constants } from 'node:fs';
import { appendFile, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { COMPANIONS } from '../../files/database.ts';
import type { BytePath } from '../format/byte-path.ts';
import type { PieceRecord, PlacedRecord } from '../format/schema.ts';
import { dataOf, type Segment } from '../format/segment.ts';
import { assemble } from './assemble.ts';

/** A generation of a file, as far as the segments held it. */
export interface Content {
  readonly generation: number;
  path: BytePath;
  mode: number;
  mtimeMs: number;
  mtimeNs: number;
  /** The segment that gave it its path: the last one that takes a path has it. */
  placedIn: number;
  /** The size that must be there for it to count. */
  whole: number | undefined;
  /** The content that ends when this one is complete. */
  replaces: number | undefined;
  /** With these it counts, and not before; undefined: by itself, or all of them do. */
  set: PieceRecord['set'];
  changedWhileRead: boolean;
  /** The file's size when it was last read. */
  size: number;
  /** Runs of bytes without a gap; the first begins at 0, or nothing of the beginning is there. */
  readonly runs: Run[];
}

export interface Run {
  readonly offset: number;
  end: number;
}

/** The working directory as far as it has been replayed. */
export interface Replay {
  /** Where the contents are, by the numbers of their generations. */
  readonly folder: string;
  readonly contents: Map<number, Content>;
  readonly folders: Map<BytePath, number>;
  readonly links: Map<BytePath, BytePath>;
  /** Pieces that contradict what came before them. */
  readonly contradictions: { readonly sequence: number; readonly path: BytePath }[];
}

export async function createReplay(folder: string): Promise<Replay> {
  await mkdir(folder, { recursive: true });
  return { folder, contents: new Map(), folders: new Map(), links: new Map(), contradictions: [] };
}

/** Where a run of bytes is kept. */
export function runFile(replay: Pick<Replay, 'folder'>, generation: number, run: Run): string {
  return join(replay.folder, `${generation}@${run.offset}`);
}

/** Applies a segment: what was removed first, then names, then bytes. Segments come in their order, gaps allowed. */
export async function replaySegment(replay: Replay, { index, bodies }: Segment): Promise<void> {
  const { sequence, removed, folders, links, placed, pieces } = index;
  for (const generation of removed.generations) await drop(replay, generation);
  for (const path of removed.paths) {
    replay.folders.delete(path);
    replay.links.delete(path);
  }
  for (const { path, mode } of folders) replay.folders.set(path, mode);
  for (const { path, target } of links) replay.links.set(path, target);
  for (const record of placed) applyPlacement(replay, record, sequence);
  for (const [i, piece] of pieces.entries()) await appendPiece(replay, piece, bodies[i] ?? EMPTY, sequence);
}

/** It counts: all is there that must be. */
export function isComplete(content: Content): boolean {
  return content.set === undefined && isWhole(content);
}

function isWhole({ whole, runs }: Content): boolean {
  const [first] = runs;
  return whole === undefined || (first?.offset === 0 && first.end >= whole);
}

const EMPTY = Buffer.alloc(0);

async function drop(replay: Replay, generation: number): Promise<void> {
  const content = replay.contents.get(generation);
  replay.contents.delete(generation);
  for (const run of content?.runs ?? []) await rm(runFile(replay, generation, run), { force: true });
}

function applyPlacement(
  replay: Replay,
  { generation, path, mode, mtimeMs, mtimeNs }: PlacedRecord,
  sequence: number,
): Content {
  const known = replay.contents.get(generation);
  if (known !== undefined) {
    if (known.path !== path) known.placedIn = sequence;
    return Object.assign(known, { path, mode, mtimeMs, mtimeNs });
  }
  const content: Content = {
    generation,
    path,
    mode,
    mtimeMs,
    mtimeNs,
    placedIn: sequence,
    whole: undefined,
    replaces: undefined,
    set: undefined,
    changedWhileRead: false,
    size: 0,
    runs: [],
  };
  replay.contents.set(generation, content);
  return content;
}

async function appendPiece(
  replay: Replay,
  piece: PieceRecord,
  body: Buffer,
  sequence: number,
): Promise<void> {
  const content = applyPlacement(replay, piece, sequence);
  const last = content.runs.at(-1);
  if (last !== undefined && piece.offset < last.end) {
    replay.contradictions.push({ sequence, path: piece.path });
    return;
  }
  const isNext = last !== undefined && piece.offset === last.end;
  const run = isNext ? last : { offset: piece.offset, end: piece.offset };
  // The last piece of blocks has no bytes where the last block is the base's.
  const isNothing = piece.base !== undefined && piece.length === 0;
  if (!isNext && !isNothing) content.runs.push(run);
  const file = runFile(replay, piece.generation, run);
  if (piece.holes !== undefined) await appendSparse(file, piece, body, run);
  else if (!isNothing) await appendFile(file, body);
  run.end += piece.length;
  content.size = piece.size;
  if (piece.torn) content.changedWhileRead = true;
  content.whole = piece.whole ?? content.whole;
  content.replaces = piece.replaces ?? content.replaces;
  content.set = piece.set ?? content.set;
  if (piece.content !== undefined) await makeFromBase(replay, content, piece);
  if (content.set !== undefined) await replaceSet(replay, content.set);
  if (piece.replaces !== undefined && isComplete(content)) await dropReplaced(replay, piece.replaces);
}

/** Without a piece, or without its base, it never counts; where its pieces are all of it, it needs no other. */
async function makeFromBase(
  replay: Replay,
  { generation, runs }: Content,
  { base: number = 0, whole: size = 0, content }: PieceRecord,
): Promise<void> {
  const own = runs.reduce((sum, { offset, end }) => sum + end - offset, 0);
  if (own !== content?.bytes || runs.some(({ end }) => end > size)) return;
  const base = replay.contents.get(number);
  const [first] = base?.runs ?? [];
  if (base === undefined || first?.offset !== 0 || !isComplete(base) || first.end + own < size) return;
  const all = { offset: 0, end: size };
  const isMade = await assemble(runFile(replay, generation, all), {
    base: runFile(replay, number, first),
    runs: runs.map(run => ({ path: runFile(replay, generation, run), offset: run.offset })),
    size,
    crc32: content.crc32,
  });
  if (isMade) runs.splice(0, runs.length, all);
}

/** With what it would have replaced, had it been complete. */
async function dropReplaced(replay: Replay, generation: number): Promise<void> {
  const earlier = replay.contents.get(generation)?.replaces;
  await drop(replay, generation);
  if (earlier !== undefined) await dropReplaced(replay, earlier);
}

type FileSet = NonNullable<PieceRecord['set']>;

/** All files of a database at once, as soon as all are whole. */
async function replaceSet(replay: Replay, { generations, replaces }: FileSet): Promise<void> {
  const members = generations.flatMap(generation => replay.contents.get(generation) ?? []);
  if (members.length < generations.length || !members.every(isWhole)) return;
  for (const member of members) member.set = undefined;
  for (const generation of replaces) await drop(replay, generation);
  // After a gap there may be older ones besides: another content's journal would destroy this one.
  const paths = COMPANIONS.map(suffix => `${members[0]?.path}${suffix}`);
  const foreign = [...replay.contents.values()].filter(
    content => paths.includes(content.path) && !members.includes(content) && content.set === undefined,
  );
  for (const { generation } of foreign) await drop(replay, generation);
}

/** Leaves the holes out, which then take no space. */
async function appendSparse(path: string, piece: PieceRecord, body: Buffer, run: Run): Promise<void> {
  await using file = await open(path, constants.O_WRONLY | constants.O_CREAT);
  let used = 0;
  for (const { offset, length } of dataOf(piece)) {
    await file.write(body, used, length, offset - run.offset);
    used += length;
  }
  await file.truncate(piece.offset + piece.length - run.offset);
}
