import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import {
  beginGeneration,
  extend,
  type Generation,
  type ReadAt,
  SLICE_BYTES,
  seemsKept,
} from './generation.ts';
import { drop, type Ledger, type Tracked } from './ledger.ts';
import type { Pace } from './pace.ts';
import { hasVanished, isSameFile, type Look, reasonOf, toLook } from './tree.ts';

/** What a look into a file that may have changed has come to. */
export type Taken =
  | { readonly as: 'piece'; readonly bytes: Bytes }
  /** The journal has it all. */
  | { readonly as: 'kept'; readonly look: Look }
  /** It has been rewritten, and it is not its turn yet. */
  | { readonly as: 'waiting' }
  /** It has gone, or another file has its name: the next scan tells more. */
  | { readonly as: 'gone' }
  | { readonly as: 'unreadable'; readonly why: string };

/** The next bytes of a generation. */
export interface Bytes {
  readonly generation: Generation;
  readonly offset: number;
  readonly length: number;
  readonly body: readonly Buffer[];
  readonly crc: number;
  /** The file as it was before it was read. */
  readonly look: Look;
  readonly whole: number | undefined;
  readonly replaces: number | undefined;
  readonly isTorn: boolean;
  /** The journal has now all that the file held. */
  readonly isLast: boolean;
}

export interface TakeOptions {
  /** At most so many bytes. */
  readonly room: number;
  /** A file's content begins anew no sooner than this after the last time, unless it is a log that was cut. */
  readonly rewriteIntervalMs: number;
  readonly pace: Pace;
}

/** Takes the next bytes of a file into the journal, if there are any: appended ones, or those of a new content. */
export async function take(ledger: Ledger, tracked: Tracked, options: TakeOptions): Promise<Taken> {
  const file = open(tracked);
  if ('as' in file) return file;
  try {
    if (!isSameFile(file.look, tracked.node.look)) return { as: 'gone' };
    const { coming, current } = tracked;
    if (coming !== undefined && canGoOn(coming, file.look))
      return await takeComing(ledger, tracked, coming, file, options);
    if (current === undefined) return await takeFirst(ledger, tracked, file, options);
    if (!tracked.isSuspect) {
      const taken = await takeAppended(ledger, tracked, current, file, options);
      if (taken !== undefined) return taken;
    }
    tracked.isSuspect = true;
    return await takeRewritten(ledger, tracked, current, file, options);
  } finally {
    closeSync(file.fd);
  }
}

interface OpenFile {
  readonly fd: number;
  readonly look: Look;
  readonly read: ReadAt;
}

function open({ node }: Tracked): OpenFile | Taken {
  try {
    // Whatever has taken the file's place meanwhile, a pipe blocks nobody and a link leads nowhere.
    const fd = openSync(node.at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const look = toLook(fstatSync(fd, { bigint: true }));
    return { fd, look, read: (offset, length) => readFully(fd, offset, length) };
  } catch (error) {
    return hasVanished(error) ? { as: 'gone' } : { as: 'unreadable', why: reasonOf(error) };
  }
}

function canGoOn(coming: Generation, look: Look): boolean {
  return isSameFile(coming.begun, look) && look.size >= (coming.whole ?? 0);
}

async function takeFirst(
  ledger: Ledger,
  tracked: Tracked,
  file: OpenFile,
  options: TakeOptions,
): Promise<Taken> {
  tracked.current = begin(ledger, tracked, file, { whole: undefined, isTrusted: true });
  return await read(ledger, tracked.current, file, options, undefined);
}

/** undefined: the file is not the current content with more at its end, or it is not certain. */
async function takeAppended(
  ledger: Ledger,
  tracked: Tracked,
  current: Generation,
  file: OpenFile,
  options: TakeOptions,
): Promise<Taken | undefined> {
  if (file.look.size < current.end) return undefined;
  if (file.look.size === current.end) {
    return (await isUnchanged(tracked, current, file, options)) ? { as: 'kept', look: file.look } : undefined;
  }
  // First read, then checked: what was cut and rewritten in between is found out.
  const before = { ...current };
  const taken = await read(ledger, current, file, options, undefined);
  const isKept = seemsKept(before, file.read) && (before.isTrusted || (await hasCrc(before, file, options)));
  if (isKept) {
    current.audit = before.audit;
    current.isTrusted = true;
    tracked.hasGrown = true;
    return taken;
  }
  ledger.bytes -= current.end - before.end;
  Object.assign(current, before);
  return undefined;
}

/** The size is the same; whether the bytes are. */
async function isUnchanged(
  tracked: Tracked,
  current: Generation,
  file: OpenFile,
  options: TakeOptions,
): Promise<boolean> {
  if (current.end <= SLICE_BYTES) return hasCrc(current, file, options);
  return tracked.looked?.mtimeNs === file.look.mtimeNs && seemsKept(current, file.read);
}

async function takeRewritten(
  ledger: Ledger,
  tracked: Tracked,
  current: Generation,
  file: OpenFile,
  options: TakeOptions,
): Promise<Taken> {
  tracked.dueMs = tracked.hasGrown ? 0 : tracked.begunAtMs + options.rewriteIntervalMs;
  if (performance.now() < tracked.dueMs) return { as: 'waiting' };
  if (file.look.size === current.end && (await hasCrc(current, file, options))) {
    tracked.isSuspect = false;
    abandonComing(ledger, tracked);
    return { as: 'kept', look: file.look };
  }
  abandonComing(ledger, tracked);
  tracked.coming = begin(ledger, tracked, file, { whole: file.look.size, isTrusted: false });
  return await takeComing(ledger, tracked, tracked.coming, file, options);
}

function abandonComing(ledger: Ledger, tracked: Tracked): void {
  if (tracked.coming !== undefined) drop(ledger, tracked.coming);
  tracked.coming = undefined;
}

async function takeComing(
  ledger: Ledger,
  tracked: Tracked,
  coming: Generation,
  file: OpenFile,
  options: TakeOptions,
): Promise<Taken> {
  const taken = await read(ledger, coming, file, options, tracked.current?.number);
  if (taken.as !== 'piece' || coming.end !== coming.whole) return taken;
  if (tracked.current !== undefined) ledger.bytes -= tracked.current.end;
  tracked.current = coming;
  tracked.coming = undefined;
  tracked.isSuspect = taken.bytes.isTorn;
  coming.whole = undefined;
  return taken;
}

function begin(
  ledger: Ledger,
  tracked: Tracked,
  file: OpenFile,
  kind: { readonly whole: number | undefined; readonly isTrusted: boolean },
): Generation {
  ledger.generations += 1;
  tracked.begunAtMs = performance.now();
  tracked.hasGrown = false;
  return beginGeneration(ledger.generations, file.look, kind);
}

/** The generation's next bytes, as many as there are and room is for. */
async function read(
  ledger: Ledger,
  generation: Generation,
  file: OpenFile,
  { room, pace }: TakeOptions,
  replaces: number | undefined,
): Promise<Taken> {
  const { whole, end: offset } = generation;
  const limit = Math.min(offset + room, whole ?? file.look.size);
  const body: Buffer[] = [];
  let crc = 0;
  while (generation.end < limit) {
    await pace();
    const slice = file.read(generation.end, Math.min(SLICE_BYTES, limit - generation.end));
    // It has been cut in this moment: the next look finds it shorter.
    if (slice.length === 0) break;
    extend(generation, slice);
    crc = crc32(slice, crc);
    body.push(slice);
  }
  if (body.length === 0 && limit > offset) return { as: 'unreadable', why: 'it ends before its size' };
  ledger.bytes += generation.end - offset;
  ledger.space = Math.max(ledger.space, ledger.bytes);
  const after = toLook(fstatSync(file.fd, { bigint: true }));
  const isTorn = whole !== undefined && !isUntouched(generation.begun, after);
  const isLast = generation.end === file.look.size;
  const length = generation.end - offset;
  const bytes = { generation, offset, length, body, crc, look: file.look, whole, replaces, isTorn, isLast };
  return { as: 'piece', bytes };
}

function isUntouched(begun: Look, now: Look): boolean {
  return begun.mtimeNs === now.mtimeNs && begun.size === now.size;
}

async function hasCrc(generation: Generation, file: OpenFile, { pace }: TakeOptions): Promise<boolean> {
  let crc = 0;
  for (let at = 0; at < generation.end; at += SLICE_BYTES) {
    await pace();
    crc = crc32(file.read(at, Math.min(SLICE_BYTES, generation.end - at)), crc);
  }
  return crc === generation.crc;
}

function readFully(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const count = readSome(fd, bytes.subarray(filled), offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** A disk's fault in the middle of a file ends it here: what stands before it is taken. */
function readSome(fd: number, into: Buffer, offset: number): number {
  try {
    return readSync(fd, into, 0, into.length, offset);
  } catch (error) {
    if (error instanceof Error) return 0;
    throw error;
  }
}

export function toMs(ns: bigint): number {
  return Number(ns / 1_000_000n);
}
