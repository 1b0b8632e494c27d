/**
 * Loaded into a process before its program (`--import`): each call that changes a file below a folder is a point, of
 * which one may end the process. The calls are written down beside, for whoever compares.
 */
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { type FileCall, realFs, watchCalls } from '../support/file-calls.ts';
import { HOOK_VARIABLE, type HookSettings, type LedgerLine, ledgerFile } from './ledger.ts';
import { createNamer } from './place.ts';

const { by, folder, ledger, at, program } = JSON.parse(process.env[HOOK_VARIABLE] ?? '{}') as HookSettings;
const name = createNamer();
const begun = new WeakMap<FileCall, number>();

function note(line: LedgerLine): void {
  realFs.appendFileSync(ledgerFile(ledger), `${JSON.stringify(line)}\n`);
}

function pass(when: string, { kind, path }: FileCall): void {
  // What is synced matters to a power cut, not to the end of a process.
  if (kind === 'sync') return;
  const point = name(`${when} ${kind} ${path}`);
  note({ by, kind: 'point', point });
  if (at === point) process.kill(process.pid, 'SIGKILL');
}

// Neither its children, which inherit the variable, nor its threads.
if (isMainThread && basename(process.argv[1] ?? '') === program)
  watchCalls(folder, {
    before(call) {
      pass('before', call);
      begun.set(call, Number(process.hrtime.bigint()));
    },
    amid: call => pass('amid', call),
    after: call => note({ by, kind: 'call', call, begunNs: begun.get(call) ?? Number.NaN }),
  });
