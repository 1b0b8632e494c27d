import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/servermgr/database/open.ts';

test('a version that is taken back runs on the tables of a later one', async ({ onTestFinished }) => {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const settings = { kind: 'sqlite', file: join(folder, 'fleet.sqlite') } as const;
  const later = await openDatabase(settings, 'tests');
  await sql`alter table sessions add column weather text`.execute(later.db);
  await sql`insert into kysely_migration (name, timestamp) values ('2099-01-01-weather', '2099-01-01T00:00:00Z')`.execute(
    later.db,
  );
  await later.close();
  const earlier = await openDatabase(settings, 'tests');
  expect(await earlier.db.selectFrom('sessions').selectAll().execute()).toEqual([]);
  await earlier.close();
});
