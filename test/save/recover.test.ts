import { execFile } from 'node:child_process';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { about, openJournalFixture } from '../support/journal.ts';
import { openScratchBase, recoverOnly } from '../support/recovery.ts';
import { piece, putSegments } from '../support/segments.ts';
import { filesBelow } from '../support/session.ts';

const LARGE = 6 * 1024 * 1024;
const SEGMENT = 'now/journal/00000001.tar.gz';

/** A journal of one large file, and a place to rebuild it. */
async function openLarge() {
  const ground = await openJournalFixture();
  const pieces = [piece('large.log', 'x'.repeat(LARGE))];
  await putSegments(ground.destination, [{ about: { ...about, codec: 'none' }, pieces }]);
  return { ...ground, scratch: await openScratchBase() };
}

/** A store that does something with the rebuilt file when so many chunks of its archive have come. */
function amidPacking(
  store: Store,
  scratch: string,
  chunks: number,
  harm: (file: string) => Promise<void>,
): Store {
  return {
    ...store,
    chunkBytes: () => 64 * 1024,
    store(key, packed, options) {
      async function* watched(): AsyncGenerator<Buffer> {
        let come = 0;
        const find = async () =>
          (await filesBelow(scratch)).find(file => file.endsWith('/workdir/large.log')) ?? 'nothing';
        if (chunks === 0) await harm(join(scratch, await find()));
        for await (const chunk of packed) {
          come += 1;
          if (come === chunks) await harm(join(scratch, await find()));
          yield chunk;
        }
      }
      return store.store(key, watched(), options);
    },
  };
}

describe('a rebuilt file that the disk gives back', () => {
  for (const [what, chunks, harm, told] of [
    ['in part', 1, (file: string) => truncate(file, LARGE / 2), /large\.log \(ended after \d+ of \d+ bytes/],
    ['shorter', 0, (file: string) => truncate(file, 7), /1 of 1 files are there, and 7 of \d+ bytes/],
    ['not at all', 0, rm, /0 of 1 files are there/],
  ] as const)
    test(`${what} is damage: it is told, and the journal stays`, async () => {
      const { destination, store, scratch } = await openLarge();
      const { code, lines } = await recoverOnly(amidPacking(destination, scratch, chunks, harm), { scratch });
      expect(code, lines.join('\n')).toBe(22);
      expect(lines.join('\n')).toMatch(told);
      expect(await filesBelow(store)).toContain(SEGMENT);
    });
});

test('what stands beside its file is packed, although no glob of the session knows its name', async () => {
  const { destination, store } = await openJournalFixture();
  const pieces = [piece('a.log', 'earlier'), piece('a.log', 'later', { generation: 2 })];
  await putSegments(destination, [{ about: { ...about, include: ['*.log'] }, pieces }]);
  const { code, lines } = await recoverOnly(destination, { scratch: await openScratchBase() });
  expect(code, lines.join('\n')).toBe(0);
  const archive = join(store, 'now/logs.tar.gz');
  const { stdout } = await promisify(execFile)('tar', ['xzvOf', archive], { encoding: 'utf8' });
  expect(stdout).toContain('earlier');
  expect(stdout).toContain('later');
  expect(lines).toContainEqual(expect.stringContaining('beside the one that they are of'));
});
