import { randomUUID } from 'node:crypto';
import { closeSync, openSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Yielder } from '../../runtime/concurrency.ts';
import { errorText } from '../../runtime/text.ts';
import { pathOf, SUFFIXES, type Suffix } from './database.ts';
import { type FileStat, isSameFile, statNow } from './file-stat.ts';
import { SLICE_BYTES } from './generation.ts';
import type { FileNode } from './node.ts';
import { hasCrc, isUntouched, type OpenFile, openCopy, openFile } from './open-file.ts';

/** A copy in a scratch file, which has no name any more: it goes with its descriptor. */
export interface CopiedFile {
  readonly suffix: Suffix;
  /** The original's when its copying began, with the size of the copy. */
  readonly stat: FileStat;
  readonly crc: number;
  readonly file: OpenFile;
}

export type Copied =
  | {
      readonly kind: 'copied';
      readonly files: readonly CopiedFile[];
      readonly isTorn: boolean;
      readonly spentMs: number;
    }
  /** It was written to again and again. */
  | { readonly kind: 'changing'; readonly spentMs: number }
  | { readonly kind: 'unreadable'; readonly why: string };

export interface CopyOptions {
  /** A folder for the copies. */
  readonly scratch: string;
  /** When it is written to all the time: a copy that is not of one moment is better than none. */
  readonly acceptTorn: boolean;
  readonly pace: Yielder;
}

/**
 * Copies a database with its companions as they were together at one moment, without a lock, which its program would
 * have to wait for: all files are read twice, and what was the same both times was there between the two. The
 * companions, read after it, may have grown since: SQLite follows them only as far as their checksums go.
 */
export async function copyDatabase(node: FileNode, options: CopyOptions): Promise<Copied> {
  const endMs = performance.now() + TRY_FOR_MS;
  let spentMs = 0;
  try {
    assertRoom(node, options.scratch);
    for (;;) {
      const isTorn = options.acceptTorn && performance.now() >= endMs;
      const startMs = performance.now();
      const files = await copyFiles(node, options, isTorn);
      spentMs += performance.now() - startMs;
      if (files !== undefined) return { kind: 'copied', files, isTorn, spentMs };
      if (isTorn || (!options.acceptTorn && performance.now() >= endMs)) return { kind: 'changing', spentMs };
      await setTimeout(PAUSE_MS);
    }
  } catch (error) {
    return { kind: 'unreadable', why: errorText(error) };
  }
}

/** Logs wait for so long at most. A copy of 40 MB takes 20 ms, and reading it again 12. */
const TRY_FOR_MS = 200;
const PAUSE_MS = 10;

/** @throws where a copy would take more than half of the room that is left */
function assertRoom(node: FileNode, scratch: string): void {
  const sizes = SUFFIXES.map(suffix => statNow(pathOf(node, suffix))?.size ?? 0);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const { bavail, bsize } = statfsSync(scratch);
  const free = bavail * bsize;
  if (bytes <= free / 2) return;
  const mebibytes = (count: number) => Math.ceil(count / 1024 / 1024);
  throw new Error(
    `a database is copied first: ${mebibytes(bytes)} MiB, and ${scratch} has ${mebibytes(free)} left`,
  );
}

/** undefined: they were changed meanwhile. @throws when one cannot be read, or the scratch folder not written to */
async function copyFiles(
  node: FileNode,
  { scratch, pace }: CopyOptions,
  acceptTorn: boolean,
): Promise<CopiedFile[] | undefined> {
  const before = statNow(node.fsPath);
  if (before === undefined || !isSameFile(before, node.stat)) return undefined;
  const isTouched = () => {
    const now = acceptTorn ? before : statNow(node.fsPath);
    return now === undefined || !isSameFile(before, now) || !isUntouched(before, now);
  };
  const files: CopiedFile[] = [];
  let isGood = false;
  try {
    for (const suffix of SUFFIXES) {
      const original = openFile(pathOf(node, suffix));
      if ('failed' in original && original.failed !== undefined) throw new Error(original.failed);
      if ('failed' in original) continue;
      try {
        const fd = createScratchFile(scratch);
        files.push({ suffix, ...(await copyInto(fd, original, isTouched, pace)) });
      } finally {
        closeSync(original.fd);
      }
    }
    isGood =
      files[0]?.suffix === '' && (acceptTorn || (!isTouched() && (await areStillSo(node, files, pace))));
    return isGood ? files : undefined;
  } finally {
    if (!isGood) for (const { file } of files) closeSync(file.fd);
  }
}

/** It has no name: nobody finds it, and whatever ends this process leaves nothing behind. */
function createScratchFile(folder: string): number {
  const path = join(folder, `craftassist-journal-${randomUUID()}`);
  const fd = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return fd;
}

async function copyInto(
  fd: number,
  original: OpenFile,
  isTouched: () => boolean,
  pace: Yielder,
): Promise<Omit<CopiedFile, 'suffix'>> {
  let size = 0;
  let crc = 0;
  while (size < original.stat.size && !isTouched()) {
    await pace();
    const slice = original.read(size, Math.min(SLICE_BYTES, original.stat.size - size));
    if (original.fault !== undefined) throw new Error(original.fault);
    if (slice.length === 0) break;
    writeFileSync(fd, slice);
    crc = crc32(slice, crc);
    size += slice.length;
  }
  const stat = { ...original.stat, size };
  return { stat, crc, file: openCopy(fd, stat) };
}

async function areStillSo(node: FileNode, files: readonly CopiedFile[], pace: Yielder): Promise<boolean> {
  for (const suffix of SUFFIXES) {
    const copied = files.find(file => file.suffix === suffix);
    const open = openFile(pathOf(node, suffix));
    if ('failed' in open) {
      if (copied !== undefined || open.failed !== undefined) return false;
      continue;
    }
    try {
      if (copied === undefined || !(await isStillSo(open, copied, pace))) return false;
    } finally {
      closeSync(open.fd);
    }
  }
  return true;
}

async function isStillSo(
  open: OpenFile,
  { suffix, stat, crc, file }: CopiedFile,
  pace: Yielder,
): Promise<boolean> {
  const { size } = stat;
  if (!isSameFile(open.stat, stat) || open.stat.size < size) return false;
  if (suffix === '' && open.stat.size > size) return false;
  if (suffix === '-journal' && isOfSeveral(file)) return false;
  return await hasCrc({ end: size, crc }, open, pace);
}

/**
 * Whether a rollback journal ends with the name of a super-journal, as it does during the commit of several databases
 * together: where that file is missing SQLite does not roll back.
 */
function isOfSeveral({ read, stat }: OpenFile): boolean {
  const begins = read(0, JOURNAL_MAGIC.length).equals(JOURNAL_MAGIC);
  return begins && read(stat.size - JOURNAL_MAGIC.length, JOURNAL_MAGIC.length).equals(JOURNAL_MAGIC);
}

/** https://www.sqlite.org/fileformat2.html#the_rollback_journal */
const JOURNAL_MAGIC = Buffer.from('d9d505f920a163d7', 'hex');
