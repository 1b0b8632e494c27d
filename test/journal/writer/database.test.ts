import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { COMPANIONS } from '../../../src/files/database.ts';
import type { Journal } from '../../../src/journal/writer/journal.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient, segmentsIn, treeOf, unzipped } from '../../support/journal.ts';
import { seeded } from '../../support/seeded.ts';

describe('a database and its companions are of one moment', () => {
  test('in a transaction: it is rolled back', { tags: ['slow'] }, async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'));
    const journal = start();
    await settled(journal);
    begin(db);
    expect(existsSync(join(work, 'world.db-journal'))).toBe(true);
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    const { folder } = await recover();
    expect(withoutShm(treeOf(folder))).toEqual(withoutShm(treeOf(work)));
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 0 });
  });

  test('the journal of a transaction ends with the content that it belongs to', async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'));
    begin(db);
    const journal = start();
    await settled(journal);
    db.exec('COMMIT');
    await seenByNow(journal, work);
    // The new content is not due yet, and the old one needs its journal.
    const { folder } = await recover();
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 0 });
    await journal.finish(patient);
    const end = await recover();
    expect(treeOf(end.folder)).toEqual(treeOf(work));
    expect(contentOf(join(end.folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 1 });
  });

  test('the log is followed, though the globs leave it out', async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'), 'wal');
    const journal = start({
      selection: { root: work, include: ['*.db', '*.log'], exclude: ['*-wal'], excludedPaths: [] },
    });
    await settled(journal);
    begin(db);
    db.exec('COMMIT');
    await seenByNow(journal, work);
    const { folder } = await recover();
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 1 });
  });

  test('that of a later transaction does not come to an earlier content', async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'));
    const journal = start();
    await settled(journal);
    begin(db);
    db.exec('COMMIT');
    begin(db);
    await seenByNow(journal, work);
    const { folder } = await recover();
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 0 });
  });

  test('that of a commit over several databases waits: SQLite would not roll it back', {
    tags: ['slow'],
  }, async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'));
    const journal = start({ rewriteIntervalMs: 0 });
    await settled(journal);
    const others = join(work, 'world.db-journal');
    begin(db);
    // As at the end of a commit: the name of a file that is there as long as the commit takes, its sum, and the magic.
    const name = Buffer.from('world.db-mj0123456789');
    const tail = Buffer.alloc(16);
    tail.writeUInt32BE(name.length, 0);
    tail.writeUInt32BE(
      name.reduce((sum, byte) => sum + byte, 0),
      4,
    );
    tail.write('d9d505f920a163d7', 8, 'hex');
    await appendFile(others, Buffer.concat([name, tail]));
    const before = journal.report().segments;
    await seenByNow(journal, work);
    expect(journal.report().segments).toBeGreaterThan(before);
    const { folder } = await recover();
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 0 });
  });
});

describe('a write-ahead log', () => {
  test('brings what is committed at once, as long as it is not begun anew', { tags: ['slow'] }, async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'), 'wal');
    const journal = start();
    await settled(journal);
    const { bytes } = journal.report();
    for (const generation of [1, 2, 3]) {
      begin(db);
      db.exec('COMMIT');
      await eventually(async () => {
        const { folder } = await recover();
        const content = contentOf(join(folder, 'world.db'));
        expect(content).toMatchObject({ integrity: 'ok', sum: 0 });
        return content.generation === generation;
      });
    }
    expect(journal.report().bytes).toBeGreaterThan(bytes);
    db.exec('PRAGMA wal_checkpoint(RESTART)');
    begin(db);
    db.exec('COMMIT');
    await seenByNow(journal, work);
    const early = await recover();
    expect(contentOf(join(early.folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 3 });
    await journal.finish(patient);
    const late = await recover();
    expect(withoutShm(treeOf(late.folder))).toEqual(withoutShm(treeOf(work)));
    expect(contentOf(join(late.folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 4 });
  });

  test('that is begun anew, and has become longer than it was, is not the same one', async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'), 'wal');
    const journal = start();
    await settled(journal);
    const log = join(work, 'world.db-wal');
    const { size } = statSync(log);
    const { bytes } = journal.report();
    db.exec('PRAGMA wal_checkpoint(RESTART)');
    for (let generation = 1; generation < 9; generation += 1) {
      begin(db);
      db.exec('COMMIT');
    }
    expect(statSync(log).size).toBeGreaterThan(size);
    await seenByNow(journal, work);
    expect(journal.report().bytes - bytes).toBeLessThan(10_000);
    const { folder } = await recover();
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 0 });
  });

  test('that is deleted or cut takes nothing of the database with it', { tags: ['slow'] }, async () => {
    const { work, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'), 'wal');
    begin(db);
    db.exec('COMMIT');
    const journal = start();
    await settled(journal);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    await seenByNow(journal, work);
    db.exec('PRAGMA journal_mode = delete');
    await seenByNow(journal, work);
    const early = await recover();
    expect(contentOf(join(early.folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 1 });
    await journal.finish(patient);
    const late = await recover();
    expect(treeOf(late.folder)).toEqual(treeOf(work));
  });
});

describe('whatever becomes of a database', () => {
  test('it is renamed, vacuumed, deleted, made anew, or no database any more', {
    tags: ['slow'],
  }, async () => {
    const { work, start, recover } = await openJournalFixture();
    await mkdir(join(work, 'folder'));
    const names = ['a.db', 'folder/b.db', 'c.db', 'd.db', 'e.db'];
    const databases = names.map(name => open(join(work, name), 'wal'));
    await writeFile(join(work, 'notes-wal'), 'no companion: there is no database of that name');
    await writeFile(join(work, 'none-journal'), 'nor is this one');
    await writeFile(join(work, 'none'), 'as this is no database');
    const journal = start({ rewriteIntervalMs: 10 });
    await settled(journal);
    for (const db of databases) begin(db);
    for (const db of databases) db.exec('COMMIT');
    const [a, b, c, d, e] = databases;
    a?.exec('VACUUM');
    b?.close();
    await rename(join(work, 'folder/b.db'), join(work, 'b.db'));
    c?.close();
    await rm(join(work, 'c.db'));
    open(join(work, 'c.db'));
    await rm(join(work, 'd.db'));
    e?.close();
    await writeFile(join(work, 'e.db'), 'text');
    await writeFile(join(work, 'e.db-wal'), 'more text');
    d?.exec('PRAGMA cache_size = 10');
    await seenByNow(journal, work);
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    const { folder, displaced, superseded } = await recover();
    expect(withoutShm(treeOf(folder))).toEqual(withoutShm(treeOf(work)));
    expect({ displaced, superseded }).toEqual({ displaced: [], superseded: [] });
  });

  test('its companions are files like any other without it', async () => {
    const { work, start, recover } = await openJournalFixture();
    open(join(work, 'world.db'), 'wal');
    const journal = start();
    await settled(journal);
    await rm(join(work, 'world.db'));
    await journal.finish(patient);
    const { folder } = await recover();
    expect(withoutShm(treeOf(folder))).toEqual(withoutShm(treeOf(work)));
  });

  test('it is left out with its folder, and its companions come with it whatever the globs say', async () => {
    const { work, start, recover } = await openJournalFixture();
    await mkdir(join(work, 'cache'));
    begin(open(join(work, 'cache/tiles.db')));
    begin(open(join(work, 'world.db')));
    const exclude = ['cache', '*-journal'];
    const journal = start({ selection: { root: work, include: [], exclude, excludedPaths: [] } });
    await journal.finish(patient);
    const { folder } = await recover();
    expect(Object.keys(treeOf(folder))).toEqual(['world.db', 'world.db-journal']);
    expect(contentOf(join(folder, 'world.db'))).toEqual({ integrity: 'ok', sum: 0, generation: 0 });
  });

  test('it is waiting when it cannot be copied, and its copies leave nothing behind', async () => {
    const { work, store, start, recover } = await openJournalFixture();
    const db = open(join(work, 'world.db'));
    const scratch = join(work, '../scratch');
    const journal = start({ scratch });
    await eventually(() => journal.report().segments > 0);
    const end = await journal.finish(patient);
    expect(end).toMatchObject({ durable: false, why: expect.stringContaining('world.db: '), files: 1 });
    await mkdir(scratch);
    const another = start({ scratch, prefix: 'another/journal' });
    begin(db);
    expect(await another.finish(patient)).toEqual({ durable: true, isEnded: true });
    expect(Object.keys(treeOf(scratch))).toEqual([]);
    expect(Object.keys(treeOf((await recover('another/journal')).folder))).toContain('world.db-journal');
    const segments = await Promise.all((await segmentsIn(join(store, 'another/journal'))).map(unzipped));
    expect(segments.some(segment => segment.includes('"torn":true'))).toBe(false);
  });
});

describe('whatever programs do to databases', () => {
  test.for([1, 2, 3, 4, 5, 6])(
    'each is whole at any moment, and as it was at the end (seed %i)',
    { tags: ['slow'] },
    async seed => {
      const { work, start, recover } = await openJournalFixture();
      const random = seeded(seed);
      const below = (n: number) => Math.floor(random() * n);
      const journal = start({ intervalMs: 1 + below(20), rewriteIntervalMs: below(200) });
      await eventually(() => journal.report().segments > 0);
      const databases = new Map(['a.db', 'b.db'].map(name => [name, open(join(work, name))]));
      const exec = (sql: string) => (name: string) => {
        // A mode is not changed within a transaction, nor is there a commit without one.
        const db = databases.get(name);
        if (db !== undefined && db.isTransaction === /^(COMMIT|ROLLBACK)/.test(sql)) db.exec(sql);
      };
      const modes = ['delete', 'truncate', 'persist', 'wal'].map(mode =>
        exec(`PRAGMA journal_mode = ${mode}`),
      );
      const change = (name: string) => {
        const db = databases.get(name);
        if (db?.isTransaction === false) begin(db);
      };
      const deeds = [
        ...modes,
        ...[change, change, change, change, exec('COMMIT'), exec('COMMIT'), exec('COMMIT'), exec('ROLLBACK')],
        exec('VACUUM'),
        exec('DELETE FROM account WHERE id > 200'),
        exec('PRAGMA wal_checkpoint(PASSIVE)'),
        exec('PRAGMA wal_checkpoint(RESTART)'),
        exec('PRAGMA wal_checkpoint(TRUNCATE)'),
        (name: string) => {
          databases.get(name)?.close();
          const path = join(work, name);
          if (random() < 0.5) renameSync(path, `${path}.${below(2)}`);
          for (const suffix of ['', ...COMPANIONS]) rmSync(`${path}${suffix}`, { force: true });
          databases.set(name, open(path));
        },
      ];
      for (let i = 0; i < 300; i += 1) {
        deeds[below(deeds.length)]?.(['a.db', 'b.db'][below(2)] ?? 'a.db');
        if (random() < 0.5) await setImmediate();
        if (i % 10 > 0) continue;
        const { folder, displaced } = await recover();
        expect(displaced).toEqual([]);
        for (const name of readdirSync(folder).filter(found => /\.db(\.\d)?$/.test(found))) {
          expect(contentOf(join(folder, name))).toMatchObject({ integrity: 'ok', sum: 0 });
        }
      }
      for (const db of databases.values()) if (random() < 0.5) db.close();
      expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
      const recovered = await recover();
      expect(withoutShm(treeOf(recovered.folder))).toEqual(withoutShm(treeOf(work)));
      expect(recovered).toMatchObject({ displaced: [], superseded: [], truncated: [], changedWhileRead: [] });
    },
  );
});

/** A database of 200 KB in which `begin` changes every page. */
function open(path: string, mode = 'delete'): DatabaseSync {
  const db = new DatabaseSync(path);
  onTestFinished(() => {
    if (db.isOpen) db.close();
  });
  db.exec(`
    PRAGMA journal_mode = ${mode}; PRAGMA synchronous = off; PRAGMA cache_size = 10;
    CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, generation INTEGER, filler TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
      INSERT INTO account SELECT i, 0, 0, hex(randomblob(200)) FROM n;
  `);
  return db;
}

/** More than the cache holds: pages are written before the commit. */
function begin(db: DatabaseSync): void {
  db.exec(`
    BEGIN;
    UPDATE account SET generation = generation + 1, balance = balance + 7 WHERE id % 2 = 0;
    UPDATE account SET generation = generation + 1, balance = balance - 7 WHERE id % 2 = 1;
  `);
}

function contentOf(path: string): { integrity: unknown; generation?: unknown; sum?: unknown } {
  const db = new DatabaseSync(path);
  try {
    const query = 'SELECT sum(balance) AS sum, max(generation) AS generation FROM account';
    const integrity = Object.values(db.prepare('PRAGMA integrity_check').get() ?? {})[0];
    return { integrity, ...db.prepare(query).get() };
  } finally {
    db.close();
  }
}

/** It is mapped into memory: its times do not tell when it was written. */
function withoutShm(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.endsWith('-shm')));
}

async function settled(journal: Journal): Promise<void> {
  await eventually(() => journal.report().segments > 0 && journal.report().backlog.files === 0);
}

/** What was written before this has been scanned, and read as far as it is due. */
async function seenByNow(journal: Journal, work: string): Promise<void> {
  for (const name of ['first.log', 'second.log']) {
    const before = journal.report().coveredUntilMs;
    await appendFile(join(work, name), 'a line\n');
    const writtenMs = Date.now();
    await eventually(() => journal.report().coveredUntilMs > Math.max(before, writtenMs));
  }
}
