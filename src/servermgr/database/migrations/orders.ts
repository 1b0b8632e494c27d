import type { Migration } from 'kysely/migration';

/** What a session was asked for beside its world: any instance may have to launch it once more. */
export const orders: Migration = {
  async up(db) {
    await db.schema.alterTable('sessions').addColumn('ordered', 'text').execute();
  },
};
