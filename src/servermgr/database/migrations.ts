import { type Kysely, sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration';
import type { DatabaseKind } from './database.ts';
import type { Tables } from './schema.ts';

/** Brings the tables up to date; several instances may do it at the same moment. @param schema undefined: SQLite's one */
export async function migrate(db: Kysely<Tables>, kind: DatabaseKind, schema?: string): Promise<void> {
  const all = { ...migrations(kind), ...(await laterOnes(db, kind, schema)) };
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => all },
    ...(schema !== undefined && { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/**
 * Those of a version after this one: a version that is taken back, or started beside a newer one, runs on its tables. So
 * a migration may add what older versions need not know, and take nothing away that they do.
 */
async function laterOnes(
  db: Kysely<Tables>,
  kind: DatabaseKind,
  schema: string | undefined,
): Promise<Record<string, Migration>> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const isThere = tables.some(
    table => table.name === DEFAULT_MIGRATION_TABLE && (schema === undefined || table.schema === schema),
  );
  if (!isThere) return {};
  const done = await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(
    db,
  );
  const known = Object.keys(migrations(kind));
  const later = done.rows.map(({ name }) => name).filter(name => !known.includes(name));
  return Object.fromEntries(later.map(name => [name, { up: async () => undefined }]));
}

/** By name, in their order. One that was released is never changed. */
function migrations(kind: DatabaseKind): Record<string, Migration> {
  return {
    '2026-11-28-fleet': {
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
    },
  };
}
