import { buffer } from 'node:stream/consumers';
import { createGzip, gzipSync } from 'node:zlib';
import type { TarHeader } from '../files/tar.ts';
import { withinDates } from '../files/times.ts';
import { INDEX_FORMAT, type IndexEntry, type IndexHeader } from './format.ts';

/** Writes down where everything is in an archive, while that is made. */
export interface IndexWriter {
  /** @param at where the entry's first header begins in the tar */
  addEntry(entry: TarHeader, at: number): void;
  /** @param at where the next block of the tar begins in the archive */
  addBlock(at: number): void;
  /** The whole index. */
  finish(archive: IndexHeader['archive'], blockBytes: number): Promise<Buffer>;
  /** Of an archive that has failed. */
  close(): void;
}

const PIECE_CHARS = 65_536;

/**
 * Entries are compressed as they come, so that a million of them takes a few MiB. The line with the blocks is known last
 * and wanted first: both are gzip members, which readers join (RFC 1952, section 2.2).
 */
export function createIndexWriter(): IndexWriter {
  const blocks: number[] = [];
  const gzip = createGzip({ level: 1 });
  const entries = buffer(gzip);
  // Of an archive that has failed nobody waits for it.
  entries.catch(() => undefined);
  let lines = '';
  return {
    addEntry({ type, path, size, mode, mtimeMs, target }, at) {
      const entry: IndexEntry = {
        ...{ at, type, path: path.toString('latin1'), size, mode: mode & 0o7777 },
        mtime: Math.floor(withinDates(mtimeMs) / 1_000),
        target: target?.toString('latin1'),
      };
      lines += `${JSON.stringify(entry)}\n`;
      if (lines.length < PIECE_CHARS) return;
      gzip.write(lines);
      lines = '';
    },
    addBlock: at => void blocks.push(at),
    async finish(archive, blockBytes) {
      const header: IndexHeader = { format: INDEX_FORMAT, archive, blockBytes, blocks };
      gzip.end(lines);
      return Buffer.concat([gzipSync(`${JSON.stringify(header)}\n`), await entries]);
    },
    close: () => void gzip.destroy(),
  };
}
