import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { DatabaseKind } from '../database.ts';

/** The sessions, the instances that look after them, and who did what. */
export const fleetTables = (kind: DatabaseKind): Migration => ({
  async up(db) {
    await db.schema
      .createTable('sessions')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('idempotency_key', 'text', column => column.notNull().unique())
      .addColumn('visitor_hash', 'text', column => column.notNull())
      .addColumn('network_hash', 'text')
      .addColumn('world', 'text', column => column.notNull())
      .addColumn('attempt', 'integer', column => column.notNull())
      .addColumn('requested_ms', 'bigint', column => column.notNull())
      .addColumn('launch_tried_ms', 'bigint', column => column.notNull())
      .addColumn('confirmed_ms', 'bigint')
      .addColumn('place', 'text', column => column.notNull())
      .addColumn('cost_per_hour', 'double precision')
      .addColumn('state', 'text', column => column.notNull())
      .addColumn('observation', 'text')
      .addColumn('report', 'text')
      .addColumn('stop_reason', 'text')
      .addColumn('stop_ms', 'bigint')
      .addColumn('over_ms', 'bigint')
      .addColumn('gone_ms', 'bigint')
      .addColumn('changed_ms', 'bigint', column => column.notNull())
      .execute();
    for (const column of ['requested_ms', 'over_ms', 'gone_ms', 'changed_ms']) {
      await db.schema.createIndex(`sessions_${column}`).on('sessions').column(column).execute();
    }
    await db.schema
      .createTable('instances')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('seen_ms', 'bigint', column => column.notNull())
      .addColumn('watching', 'text', column => column.notNull())
      .execute();
    await db.schema
      .createTable('observer')
      .addColumn('name', 'text', column => column.primaryKey())
      .addColumn('holder', 'text', column => column.notNull())
      .addColumn('until_ms', 'bigint', column => column.notNull())
      .addColumn('listed_ms', 'bigint')
      .addColumn('fault', 'text')
      .execute();
    await db.schema
      .createTable('audit')
      .addColumn('id', kind === 'sqlite' ? 'integer' : sql`bigint generated always as identity`, column =>
        column.primaryKey(),
      )
      .addColumn('at_ms', 'bigint', column => column.notNull())
      .addColumn('who', 'text', column => column.notNull())
      .addColumn('what', 'text', column => column.notNull())
      .addColumn('session', 'text')
      .addColumn('detail', 'text')
      .execute();
  },
});
