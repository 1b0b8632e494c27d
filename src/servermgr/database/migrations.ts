import { type Kysely, sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration';
import type { DatabaseKind } from './database.ts';
import { fleetTables } from './migrations/fleet.ts';
import { operatorTables } from './migrations/operators.ts';
import { orders } from './migrations/orders.ts';
import { studyTables } from './migrations/studies.ts';
import { webhookTables } from './migrations/webhooks.ts';
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

/** By name, in their order, a file each. One that was released is never changed. */
function migrations(kind: DatabaseKind): Record<string, Migration> {
  return {
    '2026-11-28-fleet': fleetTables(kind),
    '2026-11-28-operators': operatorTables(kind),
    '2026-11-28-orders': orders,
    '2026-11-28-studies': studyTables(kind),
    '2026-11-28-webhooks': webhookTables,
  };
}
