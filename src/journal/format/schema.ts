import { isUtf8 } from 'node:buffer';
import * as v from 'valibot';
import { type BytePath, fromText, isContained, toBytes } from './byte-path.ts';

/** Raised when a reader of the older version would misunderstand. docs/journal.md describes this one. */
export const JOURNAL_FORMAT = 1;

/** Nothing larger is written, measured before compression; a reader refuses twice as much. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;

/** What recovery must know to make the archive that the session would have made. */
export type JournalAbout = v.InferOutput<typeof About>;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Positive = v.pipe(Count, v.minValue(1));
const Mode = v.pipe(Count, v.maxValue(0o7777));
const Milliseconds = v.pipe(v.number(), v.safeInteger());
const Moment = v.pipe(v.string(), v.isoTimestamp());
const Crc32 = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/));

/** A path as text, or in base64 where its bytes are no UTF-8. */
const Path = v.pipe(
  v.union([v.string(), v.strictObject({ base64: v.pipe(v.string(), v.base64()) })]),
  v.transform(path => (typeof path === 'string' ? fromText(path) : decodeBase64(path.base64))),
);
const SafePath = v.pipe(Path, v.check(isContained, 'a path that leads out of the folder'));

const About = v.object({
  /** The last folder of the session's key. */
  session: v.string(),
  archiveName: v.string(),
  codec: v.picklist(['none', 'gzip', 'zstd']),
  include: v.array(v.string()),
  exclude: v.array(v.string()),
  /** Of the program that writes the journal. */
  version: v.string(),
});

const Placed = v.object({ generation: Positive, path: SafePath, mode: Mode, mtimeMs: Milliseconds });

const Piece = v.object({
  ...Placed.entries,
  offset: Count,
  length: Count,
  crc32: Crc32,
  /** The file's size when it was read; what lies beyond this piece follows, or is lost with the container. */
  size: Count,
  /** This generation counts only when so many bytes of it are there. */
  whole: v.optional(Count),
  /** The generation that ends when this one is whole. */
  replaces: v.optional(Positive),
  /** The file was written to while it was read. */
  torn: v.optional(v.literal(true)),
});

const Waiting = v.object({
  files: Count,
  bytes: Count,
  /** The first hundred. */
  paths: v.array(Path),
});

const Index = v.object({
  format: v.literal(JOURNAL_FORMAT),
  run: v.pipe(v.string(), v.uuid()),
  sequence: Positive,
  previous: Crc32,
  about: About,
  intervalMs: Count,
  coveredUntil: Moment,
  /** The most bytes that the contents have taken at any one moment so far. */
  space: Count,
  removed: v.object({ generations: v.array(Positive), paths: v.array(SafePath) }),
  placed: v.array(Placed),
  folders: v.array(v.object({ path: SafePath, mode: Mode })),
  links: v.array(v.object({ path: SafePath, target: Path })),
  pieces: v.array(Piece),
  waiting: Waiting,
});

const Status = v.object({
  format: v.literal(JOURNAL_FORMAT),
  run: v.pipe(v.string(), v.uuid()),
  state: v.picklist(['writing', 'finished', 'saved']),
  /** Segments up to this one were there when this was written. */
  sequence: Count,
  about: About,
  intervalMs: Count,
  heartbeatMs: Count,
  coveredUntil: Moment,
  waiting: Waiting,
});

/** `journal.json`, the first entry of a segment. */
export type SegmentIndex = Readonly<v.InferOutput<typeof Index>>;
export type PieceRecord = Readonly<v.InferOutput<typeof Piece>>;
export type PlacedRecord = Readonly<v.InferOutput<typeof Placed>>;
export type WaitingRecord = Readonly<v.InferOutput<typeof Waiting>>;
/** `status.json`, beside the segments. */
export type JournalStatus = Readonly<v.InferOutput<typeof Status>>;

/** @throws when it is not what this version writes */
export function parseIndex(json: string): SegmentIndex {
  return v.parse(Index, JSON.parse(json));
}

/** @throws when it is not what this version writes */
export function parseStatus(json: string): JournalStatus {
  return v.parse(Status, JSON.parse(json));
}

export function formatIndex(index: SegmentIndex): string {
  const withPath = <T extends { readonly path: BytePath }>(record: T) => ({
    ...record,
    path: spell(record.path),
  });
  return JSON.stringify({
    ...index,
    removed: { ...index.removed, paths: index.removed.paths.map(spell) },
    placed: index.placed.map(withPath),
    folders: index.folders.map(withPath),
    links: index.links.map(link => ({ ...withPath(link), target: spell(link.target) })),
    pieces: index.pieces.map(withPath),
    waiting: { ...index.waiting, paths: index.waiting.paths.map(spell) },
  });
}

export function formatStatus(status: JournalStatus): string {
  return JSON.stringify({
    ...status,
    waiting: { ...status.waiting, paths: status.waiting.paths.map(spell) },
  });
}

/** A journal at a store, as far as is known of it. */
export interface StoredJournal {
  readonly prefix: string;
  /** The highest number that a segment is known to have; lower ones may be missing. */
  readonly segments: number;
  /** undefined: it is missing or damaged. */
  readonly status: JournalStatus | undefined;
}

export const STATUS_KEY = 'status.json';
/** What a recovery is about to make. */
export const CLAIM_KEY = 'recovery.json';
/** There for a moment: its time tells the store's clock. */
export const CLOCK_KEY = 'clock.json';

export function segmentKey(sequence: number): string {
  return `${String(sequence).padStart(8, '0')}.tar.gz`;
}

/** undefined: no segment's key. */
export function sequenceOf(key: string): number | undefined {
  const digits = /^(\d{8})\.tar\.gz$/.exec(key)?.[1];
  const sequence = Number(digits);
  return sequence >= 1 ? sequence : undefined;
}

/**
 * The tar entry of a piece: `agent.log@<offset>` in the first generation of a path, `agent.log#<generation>@<offset>`
 * in later ones. Read from the right it means one thing only: a first generation whose name happens to end like a
 * generation is spelled with its own.
 */
export function entryName(
  piece: Pick<PieceRecord, 'path' | 'generation' | 'offset'>,
  isFirst: boolean,
): BytePath {
  const isPlain = isFirst && !/#\d{8,}$/.test(piece.path);
  const generation = isPlain ? '' : `#${String(piece.generation).padStart(8, '0')}`;
  return `${piece.path}${generation}@${String(piece.offset).padStart(20, '0')}`;
}

function spell(path: BytePath): string | { base64: string } {
  const bytes = toBytes(path);
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') };
}

function decodeBase64(base64: string): BytePath {
  return Buffer.from(base64, 'base64').toString('latin1');
}
