import { gzipSync } from 'node:zlib';
import type { TarHeader } from '../files/tar.ts';
import { withinDates } from '../files/times.ts';
import { INDEX_FORMAT, type IndexEntry, type IndexHeader } from './format.ts';

/** Writes down where everything is in an archive, while that is made. */
export interface IndexWriter {
  /** @param at where the entry's first header begins in the tar */
  addEntry(entry: TarHeader, at: number): void;
  /** @param at where the next block of the tar begins in the archive */
  addBlock(at: number): void;
  /** The whole index: of an archive to which nothing is added any more. */
  finish(archive: IndexHeader['archive'], blockBytes: number): Buffer;
}

const MEMBER_CHARS = 128 * 1024;

/**
 * Entries are compressed as they come, so that a million of them takes a few MiB. The line with the blocks is known last
 * and wanted first: each piece is a gzip member, which readers join (RFC 1952, section 2.2).
 */
export function createIndexWriter(): IndexWriter {
  const blocks: number[] = [];
  const members: Buffer[] = [];
  let lines = '';
  const closeMember = () => {
    members.push(compressed(lines));
    lines = '';
  };
  return {
    addEntry({ type, path, size, mode, mtimeMs, target }, at) {
      const entry: IndexEntry = {
        ...{ at, type, path: path.toString('latin1'), size, mode: mode & 0o7777 },
        mtime: Math.floor(withinDates(mtimeMs) / 1_000),
        target: target?.toString('latin1'),
      };
      lines += `${JSON.stringify(entry)}\n`;
      if (lines.length >= MEMBER_CHARS) closeMember();
    },
    addBlock: at => void blocks.push(at),
    finish(archive, blockBytes) {
      if (lines !== '') closeMember();
      const header: IndexHeader = { format: INDEX_FORMAT, archive, blockBytes, blocks };
      return Buffer.concat([compressed(`${JSON.stringify(header)}\n`), ...members]);
    },
  };
}

/** Some two milliseconds for a member, of more than a thousand entries. */
function compressed(text: string): Buffer {
  return gzipSync(text, { level: 1 });
}
