/**
 * Loaded into a process before its program (`--import`): each call that changes a file below a folder is a point, of
 * which one may end the process. What the calls have done is written down beside, for whoever compares.
 */
import { basename, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { type FileCall, realFs, watchCalls } from '../support/file-calls.ts';
import { HOOK_VARIABLE, type HookSettings, type LedgerLine } from './ledger.ts';
import { isTrap } from './place.ts';

const { by, folder, ledger, at, program } = JSON.parse(process.env[HOOK_VARIABLE] ?? '{}') as HookSettings;
let passed = 0;
let copies = 0;

function note(line: LedgerLine): void {
  realFs.appendFileSync(join(ledger, 'lines.jsonl'), `${JSON.stringify({ ...line, by })}\n`);
}

function pass(when: string, { kind, path }: FileCall): void {
  // What is synced matters to a power cut, not to the end of a process.
  if (kind === 'sync') return;
  passed += 1;
  const what = `${when} ${kind} ${path}`;
  note({ kind: 'point', what });
  if (at !== undefined && isTrap({ at }, passed, what)) process.kill(process.pid, 'SIGKILL');
}

function record({ kind, path }: FileCall): void {
  if (path.endsWith('.part')) return;
  if (kind === 'unlink') note({ kind: 'delete', key: path });
  if (kind !== 'link' && kind !== 'rename') return;
  copies += 1;
  const file = `${by}.${copies}`;
  realFs.copyFileSync(join(folder, path), join(ledger, file));
  note({ kind: 'put', key: path, file });
}

// Neither its children, which inherit the variable, nor its threads.
if (isMainThread && basename(process.argv[1] ?? '') === program)
  watchCalls(folder, {
    before: call => pass('before', call),
    amid: call => pass('amid', call),
    after: record,
  });
