import { crc32 } from 'node:zlib';
import { crc32OfZeros } from '../../files/crc32.ts';
import type { BlockReading } from './blocks.ts';
import type { FileStat } from './file-stat.ts';

/** One content of a file, as far as it is in segments. */
export interface Generation {
  /** Unique in the journal. */
  readonly number: number;
  /** The size at which it begins to count; undefined: each byte counts at once, and more may be appended. */
  completeSize: number | undefined;
  /** It is read block by block; undefined: it is not, or it has been. */
  blocks: BlockReading | undefined;
  /** Its format tells that it is not whole, and it was not any more waited for. */
  readonly isTorn: boolean;
  /** The file when the generation began. */
  readonly startedFrom: FileStat;
  /** So many of its bytes are in segments: the prefix. */
  end: number;
  /** How many of them are holes. */
  holeBytes: number;
  /** CRC-32 of the prefix. */
  crc: number;
  /** Of the prefix's first bytes, at most 4 KiB. */
  head: Sample;
  /** Of the prefix's last bytes, at most 4 KiB. */
  tail: Sample;
  /** A comparison of the prefix with the file, a slice at a time: up to `end`, as it was when it started. */
  prefixCheck: { at: number; crc: number; readonly end: number; readonly endCrc: number };
  /** false: it is a rewritten content; all of it is compared once before growth counts as an append. */
  prefixVerified: boolean;
}

export interface Sample {
  readonly length: number;
  readonly crc: number;
}

export type NewGeneration = Pick<Generation, 'completeSize' | 'blocks' | 'prefixVerified'> &
  Partial<Pick<Generation, 'isTorn'>>;

/** Reads bytes of the file, at most a slice; fewer where the file ends before. */
export type ReadAt = (offset: number, length: number) => Buffer;

const SAMPLE_BYTES = 4096;
export const SLICE_BYTES = 256 * 1024;

const EMPTY: Sample = { length: 0, crc: 0 };

export function newGeneration(
  number: number,
  startedFrom: FileStat,
  { completeSize, blocks, prefixVerified, isTorn = false }: NewGeneration,
): Generation {
  return {
    number,
    completeSize,
    blocks,
    isTorn,
    startedFrom,
    end: 0,
    holeBytes: 0,
    crc: 0,
    head: EMPTY,
    tail: EMPTY,
    prefixCheck: { at: 0, crc: 0, end: 0, endCrc: 0 },
    prefixVerified,
  };
}

/** Adds the next bytes to the prefix, in parts of any size. */
export function extend(generation: Generation, bytes: Buffer): void {
  const { head, tail } = generation;
  const headPart = bytes.subarray(0, SAMPLE_BYTES - head.length);
  generation.head = { length: head.length + headPart.length, crc: crc32(headPart, head.crc) };
  // Short additions make the sample longer; beyond its size it starts anew with the addition.
  const isShort = tail.length + bytes.length <= SAMPLE_BYTES;
  const tailPart = isShort ? bytes : bytes.subarray(-SAMPLE_BYTES);
  generation.tail = isShort
    ? { length: tail.length + bytes.length, crc: crc32(bytes, tail.crc) }
    : { length: tailPart.length, crc: crc32(tailPart) };
  generation.crc = crc32(bytes, generation.crc);
  generation.end += bytes.length;
}

/** Adds a hole to the prefix. */
export function extendByHole(generation: Generation, bytes: number): void {
  const sample = Buffer.alloc(Math.min(bytes, SAMPLE_BYTES));
  const rest = bytes - sample.length;
  extend(generation, sample);
  if (rest > 0) generation.tail = { length: sample.length, crc: crc32(sample) };
  generation.crc = crc32OfZeros(rest, generation.crc);
  generation.end += rest;
  generation.holeBytes += bytes;
}

/** What the prefix takes in segments, and on the disk of a recovery. */
export function storedBytes({ end, holeBytes }: Generation): number {
  return end - holeBytes;
}

/**
 * Whether the file still begins with the prefix, as far as a few reads tell: its first and last 4 KiB, and the next
 * 256 KiB of the prefix check.
 */
export function prefixMatches(generation: Generation, read: ReadAt): boolean {
  const { head, tail, end } = generation;
  if (!matches(tail, read(end - tail.length, tail.length))) return false;
  if (head.length < end && !matches(head, read(0, head.length))) return false;
  return checkNextSlice(generation, read) !== 'changed';
}

function matches(sample: Sample, bytes: Buffer): boolean {
  return bytes.length === sample.length && crc32(bytes) === sample.crc;
}

/** Continues the prefix check by a slice; after the last one it starts again. */
export function checkNextSlice(generation: Generation, read: ReadAt): 'unchanged' | 'changed' {
  if (generation.prefixCheck.at === generation.prefixCheck.end) restartPrefixCheck(generation);
  const { prefixCheck } = generation;
  const slice = read(prefixCheck.at, Math.min(SLICE_BYTES, prefixCheck.end - prefixCheck.at));
  prefixCheck.crc = crc32(slice, prefixCheck.crc);
  prefixCheck.at += slice.length;
  if (slice.length === 0 && prefixCheck.at < prefixCheck.end) return 'changed';
  const isComplete = prefixCheck.at === prefixCheck.end;
  return isComplete && prefixCheck.crc !== prefixCheck.endCrc ? 'changed' : 'unchanged';
}

export function restartPrefixCheck(generation: Generation): void {
  generation.prefixCheck = { at: 0, crc: 0, end: generation.end, endCrc: generation.crc };
}

/** Whether the whole prefix has been compared since it last grew. */
export function isPrefixChecked({ prefixCheck, end }: Generation): boolean {
  return prefixCheck.at === end && prefixCheck.end === end;
}

/**
 * Carries the prefix check over an append: the bytes appended after a complete check have just been read themselves, so
 * that it stays complete.
 */
export function carryOverPrefixCheck(generation: Generation, before: Generation): void {
  const { end, crc } = generation;
  generation.prefixCheck = isPrefixChecked(before) ? { at: end, crc, end, endCrc: crc } : before.prefixCheck;
}
