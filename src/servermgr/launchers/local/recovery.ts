import { open, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { unlessMissing } from '../../../files/errno.ts';
import { listProcesses } from '../../../process/procfs.ts';
import type { RecoveryStatus } from '../launcher.ts';

/** What the output of a recovery is called, in the folder of all records. */
export const RECOVERY_LOG = /^recovery-.*\.log$/;

/** The end of the output, in which its last words are. */
const READ_BYTES = 16 * 1024;
const MAX_WORDS = 500;

/** A line of the supervisor's log that tells how far the upload of the archive is. */
const Uploaded = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ event: v.literal('archive_progress'), bytesRead: v.number(), ofBytes: v.number() }),
);

export function recoveryLog(home: string, name: string): string {
  return join(home, `recovery-${name}.log`);
}

/** What an earlier recovery of that session has said is no answer for the next one. */
export async function clearRecoveryLog(file: string): Promise<void> {
  if (!(await isWritten(file))) await rm(file, { force: true });
}

/** What the output of a recovery tells; any instance can read it, also after a restart. */
export async function readRecovery(file: string): Promise<RecoveryStatus | undefined> {
  // Before the text, so that the last words of one that is over are in it.
  const isRunning = await isWritten(file);
  const text = await unlessMissing(readEnd(file));
  if (text === undefined) return undefined;
  const lines = text.split('\n').filter(line => line.trim() !== '');
  const words = lines.filter(line => !line.startsWith('{')).slice(-3);
  const progress = v.safeParse(Uploaded, lines.at(-1));
  return {
    isRunning,
    uploaded:
      isRunning && progress.success
        ? { bytes: progress.output.bytesRead, of: progress.output.ofBytes }
        : undefined,
    words: words.join(' ').slice(-MAX_WORDS) || undefined,
  };
}

/** Whether a process, of those that may be looked into, prints to that file. */
export async function isWritten(file: string): Promise<boolean> {
  const outputs = (listProcesses() ?? []).map(({ pid }) =>
    readlink(`/proc/${pid}/fd/1`).catch(() => undefined),
  );
  return (await Promise.all(outputs)).includes(file);
}

async function readEnd(file: string): Promise<string> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const start = Math.max(0, size - READ_BYTES);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, start);
  const text = buffer.toString('utf8', 0, bytesRead);
  // The first line of a part is one only in part.
  return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
}
