import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { segmentsIn, unzipped } from '../support/journal.ts';
import { program, type RunningSupervisor, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const GLOBS = [{ SESSION_EXCLUDE: '*-journal' }, { SESSION_INCLUDE: '*.db' }];

/** Starts a session in whose working directory is a database in the middle of a transaction. */
async function startInTransaction(
  { start, workdir }: SessionFixture,
  env: Record<string, string>,
): Promise<RunningSupervisor> {
  const session = start({
    SESSION_JOURNAL_INTERVAL: '50ms',
    SESSION_AGENT_COMMAND: program('agent-runs'),
    ...env,
  });
  await session.logged('"event":"process_started","child":"agent"');
  const folder = await mkdtemp(join(workdir, '../database-'));
  using db = new DatabaseSync(join(folder, 'world.db'));
  // More than the cache holds: pages are written before the commit.
  db.exec(`
    PRAGMA journal_mode = delete; PRAGMA cache_size = 10;
    CREATE TABLE account (balance INTEGER, filler TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
      INSERT INTO account SELECT 0, hex(randomblob(200)) FROM n;
    BEGIN;
    UPDATE account SET balance = balance + 1;
  `);
  // The journal of the session sees no moment but this one.
  for (const name of ['world.db-journal', 'world.db']) {
    await copyFile(join(folder, name), join(folder, 'copy'));
    await rename(join(folder, 'copy'), join(workdir, name));
  }
  return session;
}

/** What SQLite makes of the database in an archive: 0 in every row, as before the transaction. */
async function balances({ sessions }: SessionFixture): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'session-database-'));
  try {
    await promisify(execFile)('tar', ['xzf', join(sessions, 'test/logs.tar.gz'), '-C', folder]);
    const db = new DatabaseSync(join(folder, 'world.db'));
    const sound = Object.values(db.prepare('PRAGMA integrity_check').get() ?? {})[0];
    const found = db.prepare('SELECT min(balance) AS least, max(balance) AS most FROM account').get();
    db.close();
    return { sound, ...found };
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const globs of GLOBS) {
  const what = JSON.stringify(globs);
  test(`a session's archive has a database with its journal, with ${what}`, {
    tags: ['slow'],
  }, async ({ fixture }) => {
    const session = await startInTransaction(fixture, globs);
    session.signal('SIGTERM');
    expect((await session.ended()).code, session.stdout()).toBe(0);
    expect(await balances(fixture)).toEqual({ sound: 'ok', least: 0, most: 0 });
  });

  test(`a recovered archive has a database with its journal, with ${what}`, {
    tags: ['slow'],
  }, async ({ fixture }) => {
    await startInTransaction(fixture, globs);
    await eventually(async () => {
      const segments = await segmentsIn(join(fixture.sessions, '.sessions/test/journal'));
      return (await Promise.all(segments.map(unzipped))).some(bytes => bytes.includes('world.db-journal@'));
    });
    await fixture.killAll();
    const recovery = fixture.start({}, 'recover', '--force', join(fixture.sessions, 'test'));
    expect((await recovery.ended()).code, recovery.stderr()).toBe(0);
    expect(await balances(fixture)).toEqual({ sound: 'ok', least: 0, most: 0 });
  });
}
