import { isUtf8 } from 'node:buffer';
import * as v from 'valibot';
import { type BytePath, fromText, isContained, toBytes } from './byte-path.ts';
import { People } from './people.ts';
import { seal, unseal } from './sealed.ts';

/** Raised by a change that an older reader would misread. docs/journal.md describes this format. */
export const JOURNAL_FORMAT = 2;

const Format = v.picklist([1, JOURNAL_FORMAT]);

/** The most that a segment holds, before compression; a reader refuses twice as much. */
export const SEGMENT_BYTES = 8 * 1024 * 1024;

/** What a recovery needs to know to make the archive that the session would have made. */
export type JournalAbout = v.InferOutput<typeof About>;

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Positive = v.pipe(Count, v.minValue(1));
const Mode = v.pipe(Count, v.maxValue(0o7777));
const Milliseconds = v.pipe(v.number(), v.safeInteger());
export const Timestamp = v.pipe(v.string(), v.isoTimestamp());
const Crc32 = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/));

/** A path as text, or in base64 where its bytes are not UTF-8. */
const Path = v.pipe(
  v.union([v.string(), v.strictObject({ base64: v.pipe(v.string(), v.base64()) })]),
  v.transform(path => (typeof path === 'string' ? fromText(path) : decodeBase64(path.base64))),
);
const SafePath = v.pipe(Path, v.check(isContained, 'a path that leads out of the folder'));

const About = v.object({
  /** The session's name. */
  session: v.string(),
  /** What whoever launched it says of it, for its report; missing: nothing. */
  labels: v.optional(v.record(v.string(), v.string())),
  /** The template of the archive's key; missing: `[turk/{experiment}/]{timestamp}`, by an earlier version. */
  key: v.optional(v.string()),
  /** The experiment's id, where the working directory does not tell. */
  experiment: v.optional(v.string()),
  archiveName: v.string(),
  codec: v.picklist(['none', 'gzip', 'zstd']),
  include: v.array(v.string()),
  exclude: v.array(v.string()),
  /** Of the program that wrote the journal. */
  version: v.string(),
});

const Placed = v.object({
  generation: Positive,
  path: SafePath,
  mode: Mode,
  mtimeMs: Milliseconds,
  /** The nanoseconds after that millisecond. */
  mtimeNs: v.optional(v.pipe(Count, v.maxValue(999_999)), 0),
});

const Piece = v.object({
  ...Placed.entries,
  offset: Count,
  length: Count,
  crc32: Crc32,
  /** The file's size when it was read: what it has beyond this piece follows, or is lost with the container. */
  size: Count,
  /** This generation counts only when so many bytes of it are in segments. */
  whole: v.optional(Count),
  /** The generation that ends when this one is complete. */
  replaces: v.optional(Positive),
  /** The generation whose bytes are also this one's, where no piece has others. */
  base: v.optional(Positive),
  /** In the last piece of a generation with a base: the bytes of all its pieces, and CRC-32 of the whole content. */
  content: v.optional(v.object({ bytes: Count, crc32: Crc32 })),
  /** The file was changed while it was read. */
  torn: v.optional(v.literal(true)),
  /**
   * All files of a database, itself first: they count only together, when each is whole, and end those that they replace.
   */
  set: v.optional(v.object({ generations: v.array(Positive), replaces: v.array(Positive) })),
  /** What of it is holes, in their order: the entry has only the bytes between them. */
  holes: v.optional(v.array(v.object({ offset: Count, length: Positive }))),
});

const Backlog = v.object({
  files: Count,
  bytes: Count,
  /** Of the first hundred files. */
  paths: v.array(Path),
});

/** The writer never replaces a segment, and leaves a journal alone whose next number somebody else has taken. */
const HeedsFences = v.optional(v.literal(true));

const Index = v.object({
  format: Format,
  run: v.pipe(v.string(), v.uuid()),
  sequence: Positive,
  previous: Crc32,
  about: About,
  heedsFences: HeedsFences,
  intervalMs: Count,
  coveredUntil: Timestamp,
  /** The most bytes of content that a recovery up to here has on disk at the same time. */
  space: Count,
  /** How many files there are. */
  files: v.optional(Count),
  removed: v.object({ generations: v.array(Positive), paths: v.array(SafePath) }),
  placed: v.array(Placed),
  folders: v.array(v.object({ path: SafePath, mode: Mode })),
  links: v.array(v.object({ path: SafePath, target: Path })),
  pieces: v.array(Piece),
  waiting: Backlog,
});

const Status = v.object({
  format: Format,
  run: v.pipe(v.string(), v.uuid()),
  state: v.picklist(['writing', 'finished', 'saved']),
  /** Segments up to this one were stored when this was written. */
  sequence: Count,
  about: About,
  heedsFences: HeedsFences,
  intervalMs: Count,
  heartbeatMs: Count,
  coveredUntil: Timestamp,
  waiting: Backlog,
  people: v.optional(People),
});

/** `journal.json`, the first entry of a segment. */
export type SegmentIndex = Readonly<v.InferOutput<typeof Index>>;
export type PieceRecord = Readonly<v.InferOutput<typeof Piece>>;
export type PlacedRecord = Readonly<v.InferOutput<typeof Placed>>;
export type BacklogRecord = Readonly<v.InferOutput<typeof Backlog>>;
/** `status.json`, beside the segments. */
export type JournalStatus = Readonly<v.InferOutput<typeof Status>>;

/** What a later version wrote is no damage, and nothing is to be made of it by this one. */
export class NewerFormatError extends Error {
  override readonly name = 'NewerFormatError';
}

/**
 * @throws {NewerFormatError} when a later version wrote it
 * @throws {Error} when it is not of this format
 */
export function parseIndex(json: string): SegmentIndex {
  return v.parse(Index, parseVersioned(json));
}

/** Throws as `parseIndex` does. */
export function parseStatus(json: string): JournalStatus {
  return v.parse(Status, parseVersioned(json));
}

const Versioned = v.object({
  format: v.pipe(v.number(), v.gtValue(JOURNAL_FORMAT)),
  about: v.optional(v.object({ version: v.optional(v.string()) })),
});

/** @throws {NewerFormatError} when a later version wrote it */
export function parseVersioned(json: string): unknown {
  const written = unseal(json);
  const newer = v.safeParse(Versioned, written);
  if (!newer.success) return written;
  const { format, about } = newer.output;
  throw new NewerFormatError(
    `the journal has format ${format}, and this version reads up to ${JOURNAL_FORMAT}: ` +
      `recover it with version ${about?.version ?? 'that wrote it'} of craftassist-session, or a later one`,
  );
}

export function formatIndex(index: SegmentIndex): string {
  const withPath = <T extends { readonly path: BytePath }>(record: T) => ({
    ...record,
    path: encodePath(record.path),
  });
  return JSON.stringify({
    ...index,
    removed: { ...index.removed, paths: index.removed.paths.map(encodePath) },
    placed: index.placed.map(withPath),
    folders: index.folders.map(withPath),
    links: index.links.map(link => ({ ...withPath(link), target: encodePath(link.target) })),
    pieces: index.pieces.map(withPath),
    waiting: { ...index.waiting, paths: index.waiting.paths.map(encodePath) },
  });
}

export function formatStatus(status: JournalStatus): string {
  return seal({
    ...status,
    waiting: { ...status.waiting, paths: status.waiting.paths.map(encodePath) },
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
export const PLAN_KEY = 'recovery.json';

export function segmentKey(sequence: number): string {
  return `${String(sequence).padStart(8, '0')}.tar.gz`;
}

/** undefined: not the key of a segment. */
export function sequenceOf(key: string): number | undefined {
  const digits = /^(\d{8})\.tar\.gz$/.exec(key)?.[1];
  const sequence = Number(digits);
  return sequence >= 1 ? sequence : undefined;
}

/**
 * The name of a piece's tar entry: `agent.log@<offset>` in the first generation of a path,
 * `agent.log#<generation>@<offset>` in later ones. Read from the right it is unambiguous: a first generation whose path
 * itself ends like a generation number gets its own as well.
 */
export function entryName(
  piece: Pick<PieceRecord, 'path' | 'generation' | 'offset'>,
  isFirst: boolean,
): BytePath {
  const isPlain = isFirst && !/#\d{8,}$/.test(piece.path);
  const generation = isPlain ? '' : `#${String(piece.generation).padStart(8, '0')}`;
  return `${piece.path}${generation}@${String(piece.offset).padStart(20, '0')}`;
}

function encodePath(path: BytePath): string | { base64: string } {
  const bytes = toBytes(path);
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') };
}

function decodeBase64(base64: string): BytePath {
  return Buffer.from(base64, 'base64').toString('latin1');
}
