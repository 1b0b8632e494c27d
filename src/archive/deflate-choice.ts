import type { Codec, Deflate } from '../config/session-config.ts';
import { compressionThreads } from '../runtime/cpus.ts';
import { bytesText } from '../runtime/text.ts';
import { findIsal, selectAddon } from './isal-deflater.ts';
import { pack } from './pack.ts';

interface Wanted {
  readonly codec: Codec;
  /** 1 to 9. */
  readonly level: number;
  readonly deflate: Deflate;
}

/** The levels of gzip that ISA-L's output is about as small as. */
const MAX_ISAL_LEVEL = 2;
/** Of less than this, zlib has made the archive before another process has started. */
const WORTH_A_START_BYTES = 32 << 20;
/** The same of a process that waits already. */
const WORTH_AN_ORDER_BYTES = 1 << 20;

/**
 * What deflates an archive.
 * @param archiveBytes how large its tar will be, about
 * @param isReady whether a process waits for it that was started ahead
 * @returns the path of ISA-L's addon; undefined: zlib does, or nothing is deflated
 */
export function isalFor(
  { codec, level, deflate }: Wanted,
  archiveBytes: number,
  isReady = false,
): string | undefined {
  const worthBytes = isReady ? WORTH_AN_ORDER_BYTES : WORTH_A_START_BYTES;
  if (codec !== 'gzip' || deflate === 'zlib') return undefined;
  if (deflate === 'auto' && (level > MAX_ISAL_LEVEL || archiveBytes < worthBytes)) return undefined;
  return findIsal();
}

/** What has deflated an archive; undefined: nothing. @param isal see `isalFor` */
export function deflatedBy(
  { codec }: Pick<Wanted, 'codec'>,
  isal: string | undefined,
): Exclude<Deflate, 'auto'> | undefined {
  if (codec !== 'gzip') return undefined;
  return isal === undefined ? 'zlib' : 'isal';
}

const NOT_INSTALLED =
  'zlib: ISA-L, which SESSION_DEFLATE asks for, is not there: run scripts/install-isal.sh in a checkout, or set SESSION_DEFLATE=auto';

/** What a session's archive will be deflated by, for a person. @returns `missing`: it is not what was asked for */
export function describeDeflate({ codec, level, deflate }: Wanted): { text: string; missing: boolean } {
  const said = (text: string) => ({ text, missing: false });
  if (codec !== 'gzip')
    return said(`nothing: the archive is ${codec === 'zstd' ? 'zstd' : 'not compressed'}`);
  if (deflate === 'zlib') return said('zlib');
  if (findIsal() === undefined) {
    if (deflate === 'auto') return said('zlib: ISA-L, which takes half of its time, is not installed');
    return { text: NOT_INSTALLED, missing: true };
  }
  if (deflate === 'isal') return said('ISA-L');
  if (level > MAX_ISAL_LEVEL) return said(`zlib: ISA-L has no level ${level}`);
  const [less, least] = [WORTH_A_START_BYTES, WORTH_AN_ORDER_BYTES].map(bytesText);
  return said(
    `ISA-L, and zlib below ${least}, or below ${less} where a session stops too fast for its start`,
  );
}

/**
 * Has the archiver pack the addon itself, as a sample.
 * @throws {ArchiverError} where it cannot
 */
export async function tryIsal(isal: string, signal: AbortSignal): Promise<void> {
  const selection = selectAddon(isal);
  const threads = compressionThreads();
  const how = { codec: 'gzip', level: 1, threads, chunkBytes: 1 << 20 } as const;
  for await (const _ of pack({ ...how, selection, isal, signal }).chunks);
}
