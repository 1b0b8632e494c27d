import { closeSync, fstatSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Pace } from '../../runtime/yield.ts';
import { drop, type Ledger, type Tracked } from './file-index.ts';
import { type FileStat, isSameFile, toFileStat } from './file-stat.ts';
import {
  beginGeneration,
  extend,
  type Generation,
  isAudited,
  keepAudit,
  restartAudit,
  SLICE_BYTES,
  seemsKept,
} from './generation.ts';
import { hasCrc, type OpenFile, openFile } from './open-file.ts';

/** What a look into a file that may have changed has come to. */
export type Taken =
  | { readonly as: 'piece'; readonly bytes: Bytes }
  /** The journal has it all. */
  | { readonly as: 'kept'; readonly stat: FileStat }
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
  /** In the arena. */
  readonly body: Buffer;
  readonly crc: number;
  /** The file as it was before it was read. */
  readonly stat: FileStat;
  readonly whole: number | undefined;
  readonly replaces: number | undefined;
  readonly isTorn: boolean;
  /** The journal has now all that the file held. */
  readonly isLast: boolean;
}

/** One buffer for all the bytes of a segment, used again for the next one. */
export interface Arena {
  readonly bytes: Buffer;
  used: number;
}

export interface TakeOptions {
  /** At most so many bytes. */
  readonly room: number;
  /** Where they are read to. */
  readonly arena: Arena;
  /** A file's content begins anew no sooner than this after the last time, unless it has credit, as logs have. */
  readonly rewriteIntervalMs: number;
  readonly pace: Pace;
}

/** Takes the next bytes of a file into the journal, if there are any: appended ones, or those of a new content. */
export async function take(ledger: Ledger, tracked: Tracked, options: TakeOptions): Promise<Taken> {
  const file = openFile(tracked.node.fsPath);
  if ('failed' in file) return failure(file);
  try {
    if (!isSameFile(file.stat, tracked.node.stat)) return { as: 'gone' };
    const { coming, current } = tracked;
    if (coming !== undefined && canGoOn(coming, file.stat))
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

function failure({ failed }: { readonly failed: string | undefined }): Taken {
  return failed === undefined ? { as: 'gone' } : { as: 'unreadable', why: failed };
}

function canGoOn(coming: Generation, stat: FileStat): boolean {
  return isSameFile(coming.begun, stat) && stat.size >= (coming.whole ?? 0);
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
  if (file.stat.size < current.end) return undefined;
  if (file.stat.size === current.end) {
    return (await isUnchanged(ledger, tracked, current, file, options))
      ? { as: 'kept', stat: file.stat }
      : undefined;
  }
  // First read, then checked: what was cut and rewritten in between is found out.
  const before = { ...current };
  const taken = await read(ledger, current, file, options, undefined);
  if (taken.as !== 'piece') return taken;
  const isKept =
    seemsKept(before, file.read) && (before.isTrusted || (await hasCrc(before, file, options.pace)));
  if (isKept) {
    keepAudit(current, before);
    current.isTrusted = true;
    tracked.creditBytes += Math.max(0, current.end - Math.max(before.end, before.begun.size));
    if (!isAudited(current)) ledger.unaudited.add(tracked);
    return taken;
  }
  ledger.bytes -= current.end - before.end;
  options.arena.used -= current.end - before.end;
  Object.assign(current, before);
  return undefined;
}

/** The size is the same; whether the bytes are. */
async function isUnchanged(
  ledger: Ledger,
  tracked: Tracked,
  current: Generation,
  file: OpenFile,
  options: TakeOptions,
): Promise<boolean> {
  if (current.end <= SLICE_BYTES) return hasCrc(current, file, options.pace);
  if (tracked.lastReadStat?.mtimeNs !== file.stat.mtimeNs) return false;
  // Two writes within a tick of the clock leave the same time: all of it is compared again, a little at a time.
  restartAudit(current);
  ledger.unaudited.add(tracked);
  return seemsKept(current, file.read);
}

async function takeRewritten(
  ledger: Ledger,
  tracked: Tracked,
  current: Generation,
  file: OpenFile,
  options: TakeOptions,
): Promise<Taken> {
  tracked.dueMs = tracked.creditBytes > 0 ? 0 : tracked.begunAtMs + options.rewriteIntervalMs;
  if (performance.now() < tracked.dueMs) return { as: 'waiting' };
  if (file.stat.size === current.end && (await hasCrc(current, file, options.pace))) {
    tracked.isSuspect = false;
    abandonComing(ledger, tracked);
    return { as: 'kept', stat: file.stat };
  }
  abandonComing(ledger, tracked);
  tracked.coming = begin(ledger, tracked, file, { whole: file.stat.size, isTrusted: false });
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

/**
 * A log that was cut looks like a file that was rewritten. What has been appended to it tells the two apart, and each new
 * content takes its size off that: whatever is rewritten again and again soon waits.
 */
function begin(
  ledger: Ledger,
  tracked: Tracked,
  file: OpenFile,
  kind: { readonly whole: number | undefined; readonly isTrusted: boolean },
): Generation {
  ledger.generations += 1;
  tracked.begunAtMs = performance.now();
  tracked.creditBytes = Math.max(0, tracked.creditBytes - file.stat.size);
  return beginGeneration(ledger.generations, file.stat, kind);
}

/** The generation's next bytes, as many as there are and room is for. */
async function read(
  ledger: Ledger,
  generation: Generation,
  file: OpenFile,
  { room, arena, pace }: TakeOptions,
  replaces: number | undefined,
): Promise<Taken> {
  const { whole, end: offset } = generation;
  const limit = Math.min(offset + room, whole ?? file.stat.size);
  const from = arena.used;
  let crc = 0;
  while (generation.end < limit) {
    await pace();
    const free = arena.bytes.subarray(arena.used, arena.used + Math.min(SLICE_BYTES, limit - generation.end));
    const slice = file.readInto(free, generation.end);
    if (slice.length === 0) break;
    arena.used += slice.length;
    extend(generation, slice);
    crc = crc32(slice, crc);
  }
  const body = arena.bytes.subarray(from, arena.used);
  // It was cut in this moment, or the disk gives no more of it.
  if (body.length === 0 && limit > offset) return failure({ failed: file.fault });
  ledger.bytes += generation.end - offset;
  ledger.space = Math.max(ledger.space, ledger.bytes);
  const after = toFileStat(fstatSync(file.fd, { bigint: true }));
  const isTorn = whole !== undefined && !isUntouched(generation.begun, after);
  const isLast = generation.end === file.stat.size;
  const length = generation.end - offset;
  const bytes = { generation, offset, length, body, crc, stat: file.stat, whole, replaces, isTorn, isLast };
  return { as: 'piece', bytes };
}

function isUntouched(begun: FileStat, now: FileStat): boolean {
  return begun.mtimeNs === now.mtimeNs && begun.size === now.size;
}

export function toMs(ns: bigint): number {
  return Number(ns / 1_000_000n);
}
