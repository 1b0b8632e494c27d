import { closeSync } from 'node:fs';
import { createPace } from '../../runtime/yield.ts';
import type { Ledger, Tracked } from './file-index.ts';
import { isSameFile } from './file-stat.ts';
import { auditNext, isAudited, SLICE_BYTES } from './generation.ts';
import { openFile } from './open-file.ts';

/** Compares so many bytes of files that have grown with what the journal has of them, each in its turn. */
export async function auditSome(ledger: Ledger, bytes: number): Promise<void> {
  const pace = createPace();
  for (let read = 0; read < bytes; read += SLICE_BYTES) {
    const [next] = ledger.unaudited;
    if (next === undefined) return;
    audit(ledger, next);
    await pace();
  }
}

/**
 * Reads on a little in a file that has grown, up to the end that it had: something before it may have been changed at
 * the same time. One in which it was is a rewritten file from then on.
 */
function audit(ledger: Ledger, tracked: Tracked): void {
  ledger.unaudited.delete(tracked);
  const { current } = tracked;
  const file = openFile(tracked.node.fsPath);
  if ('failed' in file) return;
  try {
    if (current === undefined || tracked.isSuspect || !isSameFile(file.stat, tracked.node.stat)) return;
    if (auditNext(current, file.read) === 'changed') {
      tracked.isSuspect = true;
      ledger.dirty.add(tracked);
    } else if (!isAudited(current)) ledger.unaudited.add(tracked);
  } finally {
    closeSync(file.fd);
  }
}
