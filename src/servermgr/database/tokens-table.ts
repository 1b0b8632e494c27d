import { createHash, randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { writeAudit } from './audit.ts';
import type { Database } from './database.ts';
import { orUnavailable } from './unavailable.ts';

/** What a token of the API may do. */
export const SCOPES = ['sessions:read', 'sessions:write', 'export'] as const;
export type Scope = (typeof SCOPES)[number];

/** A token as pages show it: nobody can read it any more. */
export interface ApiToken {
  readonly id: number;
  readonly name: string;
  /** What it begins with. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly createdMs: number;
  /** `admin at <network>`. */
  readonly createdBy: string;
  /** Exact to a minute. */
  readonly lastUsedMs: number | undefined;
  readonly withdrawnMs: number | undefined;
}

export interface TokensTable {
  /**
   * Makes one.
   * @returns the token itself, which is stored nowhere
   * @throws {UnavailableError} when the database cannot be asked; of the other methods as well
   */
  create(request: Pick<ApiToken, 'name' | 'scopes' | 'createdBy'>): Promise<string>;
  /** All that were ever made, those that are valid first. */
  list(): Promise<readonly ApiToken[]>;
  /** Does nothing when it is withdrawn already, or never was. */
  withdraw(id: number, by: string): Promise<void>;
  /** The valid token that a text is; notes that it was used. */
  use(text: string): Promise<ApiToken | undefined>;
}

const RANDOM_BYTES = 32;
const TOKEN = /^smgr_[A-Za-z0-9_-]{43}$/;
const PREFIX_LENGTH = 12;
const NOTE_USE_MS = 60_000;
const MAX_LISTED = 500;

const Scopes = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

export function openTokensTable({ db, transaction }: Database): TokensTable {
  return {
    async create({ name, scopes, createdBy }) {
      const token = `smgr_${randomBytes(RANDOM_BYTES).toString('base64url')}`;
      const prefix = token.slice(0, PREFIX_LENGTH);
      const atMs = Date.now();
      const row = {
        ...{ name, prefix, hash: hashOf(token), scopes: JSON.stringify(scopes) },
        ...{ created_ms: atMs, created_by: createdBy, last_used_ms: null, withdrawn_ms: null },
      };
      const detail = `${prefix} ${name}: ${scopes.join(' ')}`;
      await orUnavailable(
        transaction(async tx => {
          await tx.insertInto('api_tokens').values(row).execute();
          await writeAudit(tx, { atMs, who: createdBy, what: 'token-made', detail });
        }),
      );
      return token;
    },

    async list() {
      const rows = await orUnavailable(
        db
          .selectFrom('api_tokens')
          .selectAll()
          .orderBy(eb => eb.fn.coalesce('withdrawn_ms', eb.lit(0)))
          .orderBy('id', 'desc')
          .limit(MAX_LISTED)
          .execute(),
      );
      return rows.map(tokenOf);
    },

    async withdraw(id, by) {
      const atMs = Date.now();
      await orUnavailable(
        transaction(async tx => {
          const row = await tx
            .updateTable('api_tokens')
            .set({ withdrawn_ms: atMs })
            .where('id', '=', id)
            .where('withdrawn_ms', 'is', null)
            .returning(['name', 'prefix'])
            .executeTakeFirst();
          if (row === undefined) return;
          const detail = `${row.prefix} ${row.name}`;
          await writeAudit(tx, { atMs, who: by, what: 'token-withdrawn', detail });
        }),
      );
    },

    async use(text) {
      if (!TOKEN.test(text)) return undefined;
      const row = await orUnavailable(
        db
          .selectFrom('api_tokens')
          .selectAll()
          .where('hash', '=', hashOf(text))
          .where('withdrawn_ms', 'is', null)
          .executeTakeFirst(),
      );
      if (row === undefined) return undefined;
      const nowMs = Date.now();
      if (nowMs - (row.last_used_ms ?? 0) >= NOTE_USE_MS) {
        const used = { last_used_ms: nowMs };
        await orUnavailable(db.updateTable('api_tokens').set(used).where('id', '=', row.id).execute());
      }
      return tokenOf(row);
    },
  };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

interface StoredToken {
  readonly id: number;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: string;
  readonly created_ms: number;
  readonly created_by: string;
  readonly last_used_ms: number | null;
  readonly withdrawn_ms: number | null;
}

function tokenOf(row: StoredToken): ApiToken {
  const scopes = v.parse(Scopes, row.scopes);
  return {
    ...{ id: row.id, name: row.name, prefix: row.prefix },
    // One of a later version is none here.
    scopes: SCOPES.filter(scope => scopes.includes(scope)),
    ...{ createdMs: row.created_ms, createdBy: row.created_by },
    lastUsedMs: row.last_used_ms ?? undefined,
    withdrawnMs: row.withdrawn_ms ?? undefined,
  };
}
