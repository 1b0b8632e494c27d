import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { DatabaseSettings } from '../../config/servermgr-config.ts';
import { databaseFault } from '../start-fault.ts';
import type { Database } from './database.ts';
import { migrate } from './migrations.ts';
import type { Tables } from './schema.ts';

type PostgresSettings = Extract<DatabaseSettings, { kind: 'postgres' }>;

/** Heroku's smallest plan has 20 for all instances, and for whoever looks at the tables. */
const CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 3_000;
/** Of one statement. It is longer than all that work here takes, and shorter than anybody waits. */
const STATEMENT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;
/** Times and counts are smaller than 2^53. */
const BIGINT_TYPE = 20;

/** A Postgres that several instances share. Each manager has a schema of its own, named like it. */
export async function openPostgres({ url, tls }: PostgresSettings, name: string): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    ...(tls !== 'disable' && { ssl: { rejectUnauthorized: tls === 'verify-full' } }),
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // The server's own limit, and one for a server that does not answer any more.
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    idle_in_transaction_session_timeout: 2 * STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: `servermgr ${name}`,
    options: `-c search_path="${name}"`,
    types: { getTypeParser },
  });
  // A connection that breaks tells whoever uses it; its own event, which nobody hears, would end the process.
  pool.on('error', () => undefined).on('connect', client => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await createSchema(db, name);
    await migrate(db, 'postgres', name);
  } catch (error) {
    await db.destroy();
    throw databaseFault(withoutPassword(url), error);
  }
  return {
    kind: 'postgres',
    db,
    transaction: work =>
      db.transaction().execute(async tx => {
        // One at a time writes what it has read: limits are exact.
        await sql`select pg_advisory_xact_lock(hashtext(${`servermgr ${name}`}))`.execute(tx);
        return work(tx);
      }),
    close: () => db.destroy(),
  };
}

/** Instances that start at the same moment fail to create it, all but one. */
async function createSchema(db: Kysely<Tables>, name: string): Promise<void> {
  const create = () => db.schema.createSchema(name).ifNotExists().execute();
  await create().catch(create);
}

function getTypeParser(type: number, format?: 'text' | 'binary') {
  return type === BIGINT_TYPE ? Number : pg.types.getTypeParser(type, format);
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '…';
  return decodeURI(shown.href);
}
