#!/usr/bin/env node
// Keeps a SQLite database of some MB in a folder and changes it all the time, by transactions that leave two facts true:
// the balances add up to 0, and `transfers.count` is the number of transfers. With `rest` it only makes the database.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const [folder = '.', mode = 'delete', megabytes = '1', what = 'write'] = process.argv.slice(2);
const rows = Number(megabytes) * 1000;
const db = new DatabaseSync(join(folder, 'world.db'));
db.exec(`PRAGMA journal_mode = ${mode}; PRAGMA synchronous = off; PRAGMA cache_size = 100`);
db.exec(`
  CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, filler TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS transfer (id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, amount INTEGER);
  CREATE TABLE IF NOT EXISTS transfers (count INTEGER);
  CREATE INDEX IF NOT EXISTS account_balance ON account (balance);
`);

function transaction(work) {
  db.exec('BEGIN IMMEDIATE');
  work();
  db.exec('COMMIT');
}

const count = db.prepare('SELECT count(*) AS n FROM account').get().n;
if (count === 0) {
  transaction(() => {
    const insert = db.prepare('INSERT INTO account (balance, filler) VALUES (0, ?)');
    for (let i = 0; i < rows; i += 1) insert.run(`filler ${i} `.repeat(80));
    db.exec('INSERT INTO transfers VALUES (0)');
  });
}

const move = db.prepare('UPDATE account SET balance = balance + ? WHERE id = ?');
const note = db.prepare('INSERT INTO transfer (source, target, amount) VALUES (?, ?, ?)');
const add = db.prepare('UPDATE transfers SET count = count + ?');
const any = () => 1 + Math.floor(Math.random() * rows);

while (what === 'write') {
  // Most are small; some are larger than the cache, so that pages are written before the commit.
  const transfers = Math.random() < 0.1 ? 1000 : 5;
  transaction(() => {
    for (let i = 0; i < transfers; i += 1) {
      const [source, target, amount] = [any(), any(), any()];
      move.run(-amount, source);
      move.run(amount, target);
      note.run(source, target, amount);
    }
    add.run(transfers);
  });
  await sleep(50 + 200 * Math.random());
}
