import { crc32 } from 'node:zlib';
import type { FileStat } from './file-stat.ts';

/** One content of a file, as far as it is in segments. */
export interface Generation {
  /** Unique in the journal. */
  readonly number: number;
  /** The size it must reach to count; undefined: every byte of it counts at once, and more may follow. */
  whole: number | undefined;
  /** The file when the generation began. */
  readonly begun: FileStat;
  /** So many of its bytes are in segments. */
  end: number;
  /** CRC-32 of those bytes. */
  crc: number;
  /** CRC-32 of the first of them, at most 4 KiB. */
  head: Sample;
  /** CRC-32 of the last of them, at most 4 KiB. */
  tail: Sample;
  /** A reading of everything before the end, a slice at a time. */
  audit: { at: number; crc: number; readonly end: number; readonly endCrc: number };
  /** The file has been changed in place before: all of it is read before growth counts as an append. */
  isTrusted: boolean;
}

export interface Sample {
  readonly length: number;
  readonly crc: number;
}

/** Reads bytes of the file, at most a slice; fewer where it ends before. */
export type ReadAt = (offset: number, length: number) => Buffer;

const SAMPLE_BYTES = 4096;
export const SLICE_BYTES = 256 * 1024;

const NOTHING: Sample = { length: 0, crc: 0 };

export function beginGeneration(
  number: number,
  begun: FileStat,
  { whole, isTrusted }: { readonly whole: number | undefined; readonly isTrusted: boolean },
): Generation {
  const audit = { at: 0, crc: 0, end: 0, endCrc: 0 };
  return { number, whole, begun, end: 0, crc: 0, head: NOTHING, tail: NOTHING, audit, isTrusted };
}

/** Takes note of the next bytes, in slices of any size. */
export function extend(generation: Generation, bytes: Buffer): void {
  const { head, tail } = generation;
  const headPart = bytes.subarray(0, SAMPLE_BYTES - head.length);
  generation.head = { length: head.length + headPart.length, crc: crc32(headPart, head.crc) };
  // Short additions make a sample longer, and past its size it starts anew with the addition.
  const isShort = tail.length + bytes.length <= SAMPLE_BYTES;
  const tailPart = isShort ? bytes : bytes.subarray(-SAMPLE_BYTES);
  generation.tail = isShort
    ? { length: tail.length + bytes.length, crc: crc32(bytes, tail.crc) }
    : { length: tailPart.length, crc: crc32(tailPart) };
  generation.crc = crc32(bytes, generation.crc);
  generation.end += bytes.length;
}

/**
 * Whether the file still begins with the generation's bytes, as far as a few reads tell: its first and last 4 KiB,
 * and 256 KiB of the rest, in turns.
 */
export function seemsKept(generation: Generation, read: ReadAt): boolean {
  const { head, tail, end } = generation;
  if (!matches(tail, read(end - tail.length, tail.length))) return false;
  if (head.length < end && !matches(head, read(0, head.length))) return false;
  return auditNext(generation, read) !== 'changed';
}

function matches(sample: Sample, bytes: Buffer): boolean {
  return bytes.length === sample.length && crc32(bytes) === sample.crc;
}

/** Reads the next slice of what must not have changed; after the last one it begins anew. */
export function auditNext(generation: Generation, read: ReadAt): 'kept' | 'changed' {
  if (generation.audit.at === generation.audit.end) restartAudit(generation);
  const { audit } = generation;
  const slice = read(audit.at, Math.min(SLICE_BYTES, audit.end - audit.at));
  audit.crc = crc32(slice, audit.crc);
  audit.at += slice.length;
  if (slice.length === 0 && audit.at < audit.end) return 'changed';
  return audit.at < audit.end || audit.crc === audit.endCrc ? 'kept' : 'changed';
}

export function restartAudit(generation: Generation): void {
  generation.audit = { at: 0, crc: 0, end: generation.end, endCrc: generation.crc };
}

/** Everything before the end has been read since it last grew. */
export function isAudited({ audit, end }: Generation): boolean {
  return audit.at === end && audit.end === end;
}

/** The bytes that were added after a complete audit have been read as well. */
export function keepAudit(generation: Generation, before: Generation): void {
  const { end, crc } = generation;
  generation.audit = isAudited(before) ? { at: end, crc, end, endCrc: crc } : before.audit;
}
