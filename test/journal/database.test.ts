import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openJournalFixture, segmentsIn } from '../support/journal.ts';
import { seeded } from '../support/seeded.ts';

const programs = resolve(import.meta.dirname, '../programs');
const MEGABYTES = '40';
/** Of a database of this size, at 8 MiB each. */
const SEGMENTS = 6;
/** On a busy machine a copy of a database that is written to all the time is begun anew many times. */
const COPIED_MS = 150_000;

describe.for(['delete', 'truncate', 'persist', 'wal'])('a database in journal mode %s', mode => {
  test.for([1, 2, 3])(
    'is whole after everything was killed at once (seed %i)',
    { tags: ['slow'], timeout: 3 * COPIED_MS },
    async seed => {
      const { work, store, recover } = await openJournalFixture();
      const journal = join(store, 'now/journal');
      await once(run('sqlite-writer.mjs', work, mode, MEGABYTES, 'rest'), 'exit');
      const driver = run('journal-driver.ts', work, store);
      const atLeast = (count: number) =>
        eventually(async () => existsSync(journal) && (await segmentsIn(journal)).length >= count, {
          timeoutMs: COPIED_MS,
        });
      await atLeast(SEGMENTS);
      const writer = run('sqlite-writer.mjs', work, mode, MEGABYTES);
      // The content of before, and another one at least.
      await atLeast(2 * SEGMENTS);
      // The moment of death is what is random here; nothing is waited for.
      await sleep(2500 * seeded(seed)());
      await Promise.all([driver, writer].map(kill));

      const { folder, problems, changedWhileRead } = await recover();
      expect(problems).toEqual([]);
      const written = read(work);
      const saved = read(folder);
      expect(saved).toMatchObject({ integrity: 'ok', sum: 0 });
      expect(changedWhileRead).toEqual([]);
      expect(saved.transfers).toBe(saved.count);
      expect(saved.count).toBeGreaterThan(0);
      expect(saved.count).toBeLessThanOrEqual(written.count);
    },
  );
});

function read(folder: string) {
  const db = new DatabaseSync(join(folder, 'world.db'));
  const number = (query: string) => Number(Object.values(db.prepare(query).get() ?? {})[0]);
  try {
    return {
      integrity: Object.values(db.prepare('PRAGMA integrity_check').get() ?? {})[0],
      sum: number('SELECT sum(balance) FROM account'),
      count: number('SELECT count FROM transfers'),
      transfers: number('SELECT count(*) FROM transfer'),
    };
  } finally {
    db.close();
  }
}

function run(program: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(programs, program), ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  onTestFinished(() => kill(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
