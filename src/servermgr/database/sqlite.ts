import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { databaseFault } from '../start-fault.ts';
import type { Database } from './database.ts';
import { migrate } from './migrations.ts';
import type { Tables } from './schema.ts';

/** For how long a start waits for a manager that is just ending. */
const LOCK_WAIT_MS = 3_000;

/**
 * A file of this machine, for one manager: a second one is refused, also after a crash of the first, whose lock the
 * system removes.
 */
export async function openSqlite(file: string): Promise<Database> {
  let opened: DatabaseSync | undefined;
  try {
    opened = openExclusively(file);
    const db = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new ImmediateDriver({ database: adapt(opened as DatabaseSync) }),
        createIntrospector: at => new SqliteIntrospector(at),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    });
    await migrate(db, 'sqlite');
    return {
      kind: 'sqlite',
      db,
      transaction: work => db.transaction().execute(work),
      close: () => db.destroy(),
    };
  } catch (error) {
    opened?.close();
    throw databaseFault(file, error);
  }
}

function openExclusively(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: LOCK_WAIT_MS });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    // The lock is taken with the first write, and kept.
    database.exec('BEGIN EXCLUSIVE; COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A deferred transaction that reads before it writes fails as soon as another one writes: each takes the lock first. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

/** node:sqlite as kysely knows SQLite. */
function adapt(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(text) {
      const statement = database.prepare(text);
      return {
        reader: statement.columns().length > 0,
        all: parameters => statement.all(...parameters.map(checked)),
        run: parameters => statement.run(...parameters.map(checked)),
        iterate: parameters => statement.iterate(...parameters.map(checked)),
      };
    },
  };
}

/** node:sqlite takes an object as the first parameter for named ones, and silently shifts all others. */
function checked(value: unknown): SQLInputValue {
  if (value === null || ['number', 'bigint', 'string'].includes(typeof value)) return value as SQLInputValue;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite takes null, numbers, texts and bytes, not ${typeof value}`);
}
