import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from '../../src/files/errno.ts';
import type { FileCall } from '../support/file-calls.ts';

/** Names the settings of hook.ts, as JSON, in the environment of the process that it watches. */
export const HOOK_VARIABLE = 'CRASH_POINTS';

export interface HookSettings {
  /** The process's name. */
  readonly by: string;
  /** The file that the process runs: its children are left alone. */
  readonly program: string;
  /** Below which changes are points. */
  readonly folder: string;
  /** A folder for what is written down. */
  readonly ledger: string;
  /** See `Trap`. */
  readonly at?: string;
}

/** What a process has come to or done, each with its own in their order. */
export type LedgerLine = { readonly by: string } & (
  | { readonly kind: 'point'; readonly point: string }
  | {
      readonly kind: 'call';
      readonly call: FileCall;
      /** By the clock that all processes share: what depends on a call of another one begins after it. */
      readonly begunNs: number;
    }
);

/** Where a world's ledger is. @param scratch its own folder */
export function ledgerIn(scratch: string): string {
  return join(scratch, 'ledger');
}

export function ledgerFile(ledger: string): string {
  return join(ledger, 'lines.jsonl');
}

export async function readLedger(ledger: string): Promise<readonly LedgerLine[]> {
  const text = (await unlessMissing(readFile(ledgerFile(ledger), 'utf8'))) ?? '';
  const lines = text.split('\n').slice(0, -1);
  return lines.map(line => JSON.parse(line, revive));
}

/** Bytes as `JSON.stringify` writes them. */
function revive(_: string, value: unknown): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
  return isBytes && 'data' in value ? Buffer.from(value.data as number[]) : value;
}
