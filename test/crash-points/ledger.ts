import type { Trap } from './place.ts';

/** Names the settings of hook.ts, as JSON, in the environment of the process that it watches. */
export const HOOK_VARIABLE = 'CRASH_POINTS';

export interface HookSettings {
  /** The process's name. */
  readonly by: string;
  /** The file that the process runs: its children are left alone. */
  readonly program: string;
  /** Below which changes are points. */
  readonly folder: string;
  /** Where lines and copies go. */
  readonly ledger: string;
  /** See `Trap`. */
  readonly at?: Trap['at'];
}

/** What a process has come to or done, in the order of all that share a ledger. */
export type LedgerLine =
  | { readonly kind: 'point'; readonly what: string }
  /** @param file the copy of what was put */
  | { readonly kind: 'put'; readonly key: string; readonly file: string }
  | { readonly kind: 'delete'; readonly key: string };
