import type { Migration } from 'kysely/migration';

/** Who is told what happens to sessions, what happened, and what became of telling it. */
export const webhookTables: Migration = {
  async up(db) {
    await db.schema
      .createTable('webhook_endpoints')
      .addColumn('endpoint', 'text', column => column.primaryKey())
      .addColumn('settings', 'text', column => column.notNull())
      .addColumn('since_ms', 'bigint', column => column.notNull())
      .addColumn('disabled_ms', 'bigint')
      .execute();
    await db.schema
      .createTable('webhook_events')
      .addColumn('id', 'text', column => column.primaryKey())
      .addColumn('type', 'text', column => column.notNull())
      .addColumn('session', 'text')
      .addColumn('body', 'text', column => column.notNull())
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .execute();
    await db.schema
      .createTable('webhook_deliveries')
      .addColumn('event', 'text', column => column.notNull())
      .addColumn('endpoint', 'text', column => column.notNull())
      .addColumn('host', 'text', column => column.notNull())
      .addColumn('state', 'text', column => column.notNull())
      .addColumn('attempts', 'integer', column => column.notNull())
      .addColumn('created_ms', 'bigint', column => column.notNull())
      .addColumn('next_ms', 'bigint', column => column.notNull())
      .addColumn('answer', 'text')
      .addColumn('done_ms', 'bigint')
      .addPrimaryKeyConstraint('webhook_deliveries_key', ['event', 'endpoint'])
      .execute();
    const indexes = { due: ['state', 'next_ms'], done: ['done_ms'], created: ['created_ms'] };
    for (const [name, columns] of Object.entries(indexes)) {
      await db.schema
        .createIndex(`webhook_deliveries_${name}`)
        .on('webhook_deliveries')
        .columns(columns)
        .execute();
    }
  },
};
