import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Selection } from '../files/selection.ts';
import type { Deflater } from './deflater.ts';

/** native/deflate.c */
interface Addon {
  /** Too small an output makes no bytes; an empty one asks for the sum alone. */
  deflate(block: Buffer, output: Buffer): Promise<{ crc: number; bytes: number }>;
}

const NOTHING = Buffer.alloc(0);

/** Where the addon is: beside the bundle, or where a checkout builds it; undefined: there is none. */
export function findIsal(from: string = import.meta.url): string | undefined {
  const here = fileURLToPath(from);
  const path = here.endsWith('.ts')
    ? join(dirname(here), '../../native/deflate.node')
    : join(dirname(here), 'deflate.node');
  return existsSync(path) ? path : undefined;
}

/** The addon alone: what is sure to be there, as a sample to archive. @param path see `findIsal` */
export function selectAddon(path: string): Selection {
  return { root: dirname(path), include: [`/${basename(path)}`], exclude: [], excludedPaths: [] };
}

/**
 * ISA-L (https://github.com/intel/isa-l), at its level 1: half of zlib's CPU, the check included. A fault of native code ends its process,
 * so it is loaded in none that has anything else to do.
 * @param path see `findIsal`
 * @throws when the addon, or the library that it needs, cannot be loaded
 */
export function isalDeflater(path: string): Deflater {
  const addon: Addon = createRequire(import.meta.url)(path);
  const free: Buffer[] = [];
  return {
    async deflate(block) {
      // Samples are as well made into a block's room, and blocks never into a sample's.
      const isRoom = block.length <= (free.at(-1)?.length ?? 0);
      const room = (isRoom && free.pop()) || Buffer.allocUnsafeSlow(block.length);
      const { crc, bytes } = await addon.deflate(block, room.subarray(0, block.length));
      if (bytes > 0) return { crc, output: room.subarray(0, bytes) };
      free.push(room);
      return { crc, output: undefined };
    },
    crc32: async block => (await addon.deflate(block, NOTHING)).crc,
    release: output => void free.push(Buffer.from(output.buffer)),
  };
}
