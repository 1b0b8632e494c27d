import type { Scope } from '../../database/tokens-table.ts';

/** The options of a route that takes a token with a scope, which its description names as well. */
export function routeWith<Schema extends object>(scope: Scope, schema: Schema) {
  return { config: { scope }, schema: { ...schema, security: [{ token: [scope] }] } };
}
