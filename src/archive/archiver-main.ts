import { once } from 'node:events';
import { keepYoungGenerationSmall } from '../runtime/heap.ts';
import { errorText } from '../runtime/text.ts';
import { archiveStream } from './archive-stream.ts';
import { type ArchiverMessage, type ArchiverOrder, SLOTS_FD, type SlotFreed } from './archiver-messages.ts';
import { isalDeflater } from './isal-deflater.ts';
import { createSlotWriter } from './slot-writer.ts';

const PROGRESS_MS = 100;

/** The archiver: archives as its parent orders, and ends with it. @returns the exit code */
export async function archiver(): Promise<number> {
  keepYoungGenerationSmall();
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
  const { isal, listsFiles, chunkBytes, ...options } = order;
  const files = new Map<string, number>();
  const onFile = (path: Buffer, bytes: number) => files.set(path.toString('latin1'), bytes);
  const stream = archiveStream({ ...options, signal, ...(listsFiles && { onFile }) }, isalDeflater(isal));
  const onChunk = (slot: number, bytes: number) => void send({ kind: 'chunk', slot, bytes });
  const slots = createSlotWriter(SLOTS_FD, chunkBytes, onChunk, signal);
  process.on('message', ({ slot }: SlotFreed) => slots.free(slot));
  const telling = setInterval(() => void send({ kind: 'progress', ...stream.progress() }), PROGRESS_MS);
  try {
    for await (const pieces of stream.pieces) await slots.put(pieces);
    slots.end();
  } finally {
    clearInterval(telling);
  }
  await send({ kind: 'done', summary: stream.summary(), index: stream.index(), files });
}

async function send(message: ArchiverMessage): Promise<void> {
  // Without a parent there is nobody to be told.
  await new Promise(resolve => process.send?.(message, resolve) ?? resolve(undefined));
}
