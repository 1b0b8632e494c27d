import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { playground } from '../support/journal.ts';
import { seeded } from '../support/seeded.ts';

const programs = resolve(import.meta.dirname, '../programs');

/** The interval, an upload, and what a busy machine may hold up. */
const BOUND_MS = 100 + 3000;

describe('when everything is killed at once', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'what was written before is recovered, byte for byte (seed %i)',
    async seed => {
      const { work, store, recover } = await playground();
      const driver = run('journal-driver.ts', work, store);
      const writer = run('journal-writer.mjs', work);
      await eventually(() => existsSync(join(store, 'now/journal/00000002.tar.gz')));
      // The moment of death is what is random here; nothing is waited for.
      await sleep(1500 * seeded(seed)());
      const killedAtMs = Date.now();
      await Promise.all([driver, writer].map(kill));

      const { folder, problems, coveredUntil } = await recover();
      expect(problems).toEqual([]);
      expect(Date.parse(coveredUntil ?? '')).toBeGreaterThan(killedAtMs - BOUND_MS);
      const written = await readFile(join(work, 'agent.log'), 'utf8');
      const saved = await readFile(join(folder, 'agent.log'), 'utf8');
      expect(written.startsWith(saved)).toBe(true);
      expect(saved.endsWith('\n')).toBe(true);
      for (const line of written.slice(saved.length).split('\n').filter(Boolean)) {
        expect(Number(line.split(' ')[1])).toBeGreaterThan(killedAtMs - BOUND_MS);
      }
      expect(await rotatedLines(folder)).toSatisfy((lines: string) => written.includes(lines));
      const state = await readFile(join(folder, 'state'), 'utf8');
      expect(state).toBe(state.slice(0, 1).repeat(100_000));
    },
  );
});

/** The last files of a rotated log, oldest first: one stretch of lines without a gap. */
async function rotatedLines(folder: string): Promise<string> {
  const names = ['rotated.log.2', 'rotated.log.1', 'rotated.log'].map(name => join(folder, name));
  const texts = await Promise.all(names.filter(name => existsSync(name)).map(name => readFile(name, 'utf8')));
  return texts.join('');
}

function run(program: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(programs, program), ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
