import fs from 'node:fs';
import { join } from 'node:path';

const GiB = 1024 ** 3;

/** Files of holes and a little content: one that begins with it, one with it in the middle, one without any. */
const SPARSE = {
  'map.db': { size: 1024 * GiB, content: { 0: 'the beginning', [5 * GiB + 3]: 'z'.repeat(10_000) } },
  'names \n*.db': { size: 1024 * GiB + 1, content: { [1024 * GiB - 6]: 'the end' } },
  'empty.db': { size: 9 * GiB, content: {} },
} as const;

/** Makes them below a folder. */
export function plantSparse(folder: string): void {
  for (const [name, { size, content }] of Object.entries(SPARSE)) {
    const fd = fs.openSync(join(folder, name), 'w');
    fs.ftruncateSync(fd, size);
    for (const [at, text] of Object.entries(content)) fs.writeSync(fd, text, Number(at));
    fs.closeSync(fd);
  }
}

/** Those that are below a folder, in the words of `SPARSE`; a content that is not there as zeros, and whether they take space. */
export function describeSparse(folder: string): unknown {
  const describe = ([name, { content }]: [string, (typeof SPARSE)[keyof typeof SPARSE]]) => {
    const fd = fs.openSync(join(folder, name), 'r');
    const { size, blocks } = fs.fstatSync(fd);
    const read = Object.entries(content).map(([at, text]) => {
      const bytes = Buffer.alloc(text.length);
      fs.readSync(fd, bytes, 0, bytes.length, Number(at));
      return [at, bytes.toString()];
    });
    fs.closeSync(fd);
    return [name, { size, content: Object.fromEntries(read), isSparse: blocks * 512 < 100_000 }];
  };
  return Object.fromEntries(Object.entries(SPARSE).map(describe));
}

/** What `describeSparse` gives where they came through unchanged. */
export const SPARSE_AS_PLANTED: unknown = Object.fromEntries(
  Object.entries(SPARSE).map(([name, { size, content }]) => [name, { size, content, isSparse: true }]),
);
