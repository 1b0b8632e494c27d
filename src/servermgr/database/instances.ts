import * as v from 'valibot';
import { type Database, databaseNow } from './database.ts';

/** The instances that run, and which sessions their visitors wait for. */
export interface Instances {
  /** Tells the others which sessions this one's visitors look at. */
  publish(watching: readonly string[]): Promise<void>;
  /** What the visitors of all of them look at. */
  watched(): Promise<ReadonlySet<string>>;
  leave(): Promise<void>;
}

/** One that has said nothing for so long is gone, and its visitors with it. */
const GONE_MS = 15_000;

const Watching = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

export function openInstances({ db, kind, transaction }: Database, id: string): Instances {
  const now = databaseNow(kind);

  return {
    async publish(watching) {
      const row = { seen_ms: now, watching: JSON.stringify(watching) };
      await transaction(async tx => {
        await tx
          .insertInto('instances')
          .values({ id, ...row })
          .onConflict(conflict => conflict.column('id').doUpdateSet(row))
          .execute();
        await tx.deleteFrom('instances').where('seen_ms', '<', databaseNow(kind, -GONE_MS)).execute();
      });
    },
    async watched() {
      const rows = await db.selectFrom('instances').select('watching').execute();
      return new Set(rows.flatMap(({ watching }) => v.parse(Watching, watching)));
    },
    async leave() {
      await db.deleteFrom('instances').where('id', '=', id).execute();
    },
  };
}
