import { once } from 'node:events';
import { close, writev } from 'node:fs';
import { promisify } from 'node:util';
import { errorText } from '../runtime/text.ts';
import { archiveStream } from './archive-stream.ts';
import { type ArchiverMessage, type ArchiverOrder, OUTPUT_FD } from './archiver-messages.ts';
import { isalDeflater } from './isal-deflater.ts';

const PROGRESS_MS = 100;

const write = promisify(writev);
const closeOutput = promisify(close);

/** The archiver: archives as its parent orders, and ends with it. @returns the exit code */
export async function archiver(): Promise<number> {
  if (process.send === undefined) throw new Error('only the supervisor itself starts the archiver');
  const ended = new AbortController();
  process.once('disconnect', () => ended.abort(new Error('the supervisor is gone')));
  const [order] = (await once(process, 'message', { signal: ended.signal })) as [ArchiverOrder];
  try {
    await archive(order, ended.signal);
    return 0;
  } catch (error) {
    await send({ kind: 'fault', text: `failed: ${errorText(error)}` });
    return 1;
  }
}

async function archive(order: ArchiverOrder, signal: AbortSignal): Promise<void> {
  const { isal, listsFiles, ...options } = order;
  const files = new Map<string, number>();
  const onFile = (path: Buffer, bytes: number) => files.set(path.toString('latin1'), bytes);
  const stream = archiveStream({ ...options, signal, ...(listsFiles && { onFile }) }, isalDeflater(isal));
  const telling = setInterval(() => void send({ kind: 'progress', ...stream.progress() }), PROGRESS_MS);
  try {
    for await (const pieces of stream.pieces) await writeAll(pieces);
  } finally {
    clearInterval(telling);
  }
  await send({ kind: 'done', summary: stream.summary(), files });
  await closeOutput(OUTPUT_FD);
}

/** On libuv's pool: whoever reads slowly is waited for there. */
async function writeAll(pieces: readonly Buffer[]): Promise<void> {
  for (let left = pieces.filter(piece => piece.length > 0); left.length > 0; ) {
    const { bytesWritten } = await write(OUTPUT_FD, left);
    left = after(left, bytesWritten);
  }
}

/** What is left of pieces after so many bytes. */
function after(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let done = bytes;
  const left: Buffer[] = [];
  for (const piece of pieces) {
    if (done < piece.length) left.push(piece.subarray(done));
    done = Math.max(0, done - piece.length);
  }
  return left;
}

async function send(message: ArchiverMessage): Promise<void> {
  // Without a parent there is nobody to be told.
  await new Promise(resolve => process.send?.(message, resolve) ?? resolve(undefined));
}
