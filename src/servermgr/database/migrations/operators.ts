import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { DatabaseKind } from '../database.ts';

/** What operators search, write down and hand out: the history's columns, notes, and tokens of the API. */
export const operatorTables = (kind: DatabaseKind): Migration => ({
  async up(db: Kysely<unknown>) {
    const id = kind === 'sqlite' ? 'integer' : sql`bigint generated always as identity`;
    // Rows that are there are filled in by summaries.ts, as are those that an older version writes beside this one.
    await db.schema.alterTable('sessions').addColumn('phase', 'text').execute();
    await db.schema.alterTable('sessions').addColumn('end_reason', 'text').execute();
    // It holds all that the history is filtered by: rows themselves are read for one page alone.
    await db.schema
      .createIndex('sessions_history')
      .on('sessions')
      .columns(['requested_ms', 'id', 'world', 'phase', 'end_reason'])
      .execute();
    // It is empty, but for what an older version has written.
    await db.schema
      .createIndex('sessions_unfilled')
      .on('sessions')
      .column('id')
      .where(
        sql<boolean>`phase is null or (over_ms is not null and phase in ('starting', 'ready', 'ending'))`,
      )
      .execute();
    await db.schema.createIndex('audit_session').on('audit').columns(['session', 'at_ms']).execute();
    await db.schema.createIndex('audit_what').on('audit').columns(['what', 'at_ms']).execute();
    await db.schema
      .createTable('notes')
      .addColumn('id', id, column => column.primaryKey())
      .addColumn('session_id', 'text', column => column.notNull())
      .addColumn('at_ms', 'bigint', column => column.notNull())
      .addColumn('who', 'text', column => column.notNull())
      .addColumn('text', 'text', column => column.notNull())
      .addColumn('folded', 'text', column => column.notNull())
      .execute();
    await db.schema.createIndex('notes_session').on('notes').column('session_id').execute();
    await db.schema
      .createTable('api_tokens')
      .addColumn('id', id, column => column.primaryKey())
      .addColumn('name', 'text', column => column.notNull())
      .addColumn('prefix', 'text', column => column.notNull())
      .addColumn('hash', 'text', column => column.notNull().unique())
      .addColumn('scopes', 'text', column => column.notNull())
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .addColumn('created_by', 'text', column => column.notNull())
      .addColumn('last_used_ms', 'bigint')
      .addColumn('withdrawn_ms', 'bigint')
      .execute();
  },
});
