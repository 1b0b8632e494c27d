import * as v from 'valibot';
import { SESSIONS_FOLDER } from '../config/key-template.ts';

export const INDEX_FORMAT = 1;

/** What the index of a session's archive is called: it lies beside its report. */
export const INDEX_NAME = 'archive-index.jsonl.gz';

const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/**
 * The first line of an index. The tar is cut into blocks of one size, each of which can be read without those before it:
 * `blocks` tells where each begins in the archive.
 */
export const IndexHeader = v.object({
  format: v.literal(INDEX_FORMAT),
  /** Of which archive it is. */
  archive: v.object({ bytes: Count, sha256: v.string(), codec: v.picklist(['gzip', 'zstd', 'none']) }),
  /** Of the tar. */
  blockBytes: v.pipe(Count, v.minValue(1)),
  blocks: v.array(Count),
});

/** A line for each entry, in the order of the archive. */
export const IndexEntry = v.object({
  /** Where its first header begins in the tar. */
  at: Count,
  type: v.picklist(['file', 'directory', 'link']),
  /** One character for each byte, as a name need not be UTF-8. */
  path: v.string(),
  size: Count,
  mode: Count,
  /** Whole seconds, as an archive has it. */
  mtime: v.pipe(v.number(), v.integer()),
  /** What a link points to, as `path`. */
  target: v.optional(v.string()),
});

export type IndexHeader = Readonly<v.InferOutput<typeof IndexHeader>>;
export type IndexEntry = Readonly<v.InferOutput<typeof IndexEntry>>;

/** Where the index goes of the archive that a report tells of; undefined: it has no folder of a session. */
export function indexKeyBeside(reportKey: string): string | undefined {
  const folder = reportKey.slice(0, reportKey.lastIndexOf('/'));
  return folder.split('/').at(-2) === SESSIONS_FOLDER ? `${folder}/${INDEX_NAME}` : undefined;
}
