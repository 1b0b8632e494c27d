import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { DatabaseKind } from '../database.ts';

/** Studies, the texts that their participants have read, who takes part, and what became of it. */
export const studyTables = (kind: DatabaseKind): Migration => ({
  async up(db) {
    await db.schema
      .createTable('studies')
      .addColumn('number', kind === 'sqlite' ? 'integer' : sql`bigint generated always as identity`, column =>
        column.primaryKey(),
      )
      .addColumn('name', 'text', column => column.notNull())
      .addColumn('settings', 'text', column => column.notNull())
      .addColumn('text_version', 'integer', column => column.notNull())
      .addColumn('link_key', 'integer', column => column.notNull())
      .addColumn('closed_ms', 'bigint')
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .execute();
    await db.schema
      .createTable('study_texts')
      .addColumn('study', 'bigint', column => column.notNull())
      .addColumn('version', 'integer', column => column.notNull())
      .addColumn('consent', 'text', column => column.notNull())
      .addColumn('instructions', 'text', column => column.notNull())
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .addPrimaryKeyConstraint('study_texts_key', ['study', 'version'])
      .execute();
    await db.schema
      .createTable('participants')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('study', 'bigint', column => column.notNull())
      .addColumn('source', 'text', column => column.notNull())
      .addColumn('person_key', 'text', column => column.notNull())
      .addColumn('person', 'text')
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .addUniqueConstraint('participants_person', ['study', 'person_key'])
      .execute();
    await db.schema
      .createTable('participations')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('study', 'bigint', column => column.notNull())
      .addColumn('participant', 'text')
      .addColumn('source', 'text', column => column.notNull())
      .addColumn('submission_key', 'text')
      .addColumn('submission', 'text')
      .addColumn('sealed', 'text')
      .addColumn('group_id', 'text')
      .addColumn('state', 'text', column => column.notNull())
      .addColumn('verified', 'text', column => column.notNull())
      .addColumn('verified_ms', 'bigint')
      .addColumn('text_version', 'integer', column => column.notNull())
      .addColumn('consent_ms', 'bigint')
      .addColumn('seen_ms', 'bigint', column => column.notNull())
      .addColumn('queued_ms', 'bigint')
      .addColumn('launches', 'integer', column => column.notNull())
      .addColumn('unready_sessions', 'integer', column => column.notNull())
      .addColumn('session', 'text')
      .addColumn('outcome', 'text')
      .addColumn('outcome_ms', 'bigint')
      .addColumn('code', 'text')
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .execute();
    for (const column of ['study', 'participant', 'state', 'session', 'outcome_ms'])
      await db.schema.createIndex(`participations_${column}`).on('participations').column(column).execute();
  },
});
