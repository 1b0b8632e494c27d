import type { DatabaseSettings } from '../../config/servermgr-config.ts';
import type { Database } from './database.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

/**
 * Opens the database, and brings its tables up to date.
 * @param name the manager's: each has tables of its own
 * @throws {StartFault} when it cannot be used, or is another manager's
 */
export function openDatabase(settings: DatabaseSettings, name: string): Promise<Database> {
  return settings.kind === 'sqlite' ? openSqlite(settings.file) : openPostgres(settings, name);
}
