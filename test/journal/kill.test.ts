import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openJournalFixture, segmentsIn, unzipped } from '../support/journal.ts';
import { seeded } from '../support/seeded.ts';

const programs = resolve(import.meta.dirname, '../programs');

describe('when everything is killed at once', () => {
  test.for([1, 2, 3, 4, 5, 6])(
    'what was written before is recovered, byte for byte (seed %i)',
    { tags: ['slow'] },
    async seed => {
      const { work, store, recover } = await openJournalFixture();
      const journal = join(store, 'now/journal');
      const ends = [run('journal-driver.ts', work, store), run('journal-writer.mjs', work)];
      await eventually(() => existsSync(join(work, 'state')) && existsSync(journal));
      const startMs = Date.now();
      const { length } = await segmentsIn(journal);
      await eventually(async () => (await segmentsIn(journal)).length >= length + 2);
      await eventually(() => hasBlocks(journal));
      // The moment of death is what is random here; nothing is waited for.
      await sleep(1500 * seeded(seed)());
      await Promise.all(ends.map(end => end()));

      const { folder, problems, coveredUntil } = await recover();
      expect(problems).toEqual([]);
      const coveredUntilMs = Date.parse(coveredUntil ?? '');
      expect(coveredUntilMs).toBeGreaterThanOrEqual(startMs);
      const written = await readFile(join(work, 'agent.log'), 'utf8');
      const saved = await readFile(join(folder, 'agent.log'), 'utf8');
      expect(written.startsWith(saved)).toBe(true);
      expect(saved.endsWith('\n')).toBe(true);
      // A line bears the time at which its writing began: the first one may have been on its way.
      const [, ...lost] = written.slice(saved.length).split('\n').filter(Boolean);
      for (const line of lost) expect(Number(line.split(' ')[1])).toBeGreaterThanOrEqual(coveredUntilMs);
      expect(await rotatedLines(folder)).toSatisfy((lines: string) => written.includes(lines));
      const state = await readFile(join(folder, 'state'), 'utf8');
      expect(state).toBe(state.slice(0, 1).repeat(100_000));
      const region = await readFile(join(folder, 'region'));
      const blocks = Array.from({ length: 50 }, (_, i) => region.subarray(i * 4096, (i + 1) * 4096));
      const last = Math.max(
        ...blocks.map(block => Number.parseInt(block.toString(), 10)).filter(Number.isFinite),
      );
      for (let number = last; number > last - 50 && number > 0; number -= 1)
        expect(blocks[number % 50]?.equals(Buffer.alloc(4096, `${number} `)), `block ${number}`).toBe(true);
    },
  );
});

async function hasBlocks(journal: string): Promise<boolean> {
  const segments = await Promise.all((await segmentsIn(journal)).map(unzipped));
  return segments.some(segment => segment.includes('"base":'));
}

/** The last files of a rotated log, oldest first: one stretch of lines without a gap. */
async function rotatedLines(folder: string): Promise<string> {
  const names = ['rotated.log.2', 'rotated.log.1', 'rotated.log'].map(name => join(folder, name));
  const texts = await Promise.all(names.filter(name => existsSync(name)).map(name => readFile(name, 'utf8')));
  return texts.join('');
}

/** @returns what kills it, and waits until it is gone */
function run(program: string, ...args: string[]): () => Promise<void> {
  const child = spawn(process.execPath, [join(programs, program), ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return kill;
}
