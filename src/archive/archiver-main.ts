import { once } from 'node:events';
import { keepYoungGenerationSmall } from '../runtime/heap.ts';
import { errorText } from '../runtime/text.ts';
import { archiveStream } from './archive-stream.ts';
import { type ArchiverMessage, type ArchiverOrder, SLOTS_FD, type SlotFreed } from './archiver-messages.ts';
import type { Deflater } from './deflater.ts';
import { isalDeflater, selectAddon } from './isal-deflater.ts';
import { createSlotWriter } from './slot-writer.ts';

const PROGRESS_MS = 100;

/**
 * The archiver: archives as its parent orders, and ends with it.
 * @param command its only argument is the path of ISA-L's addon
 * @returns the exit code
 */
export async function archiver({ args: [isal = ''] }: { readonly args: readonly string[] }): Promise<number> {
  keepYoungGenerationSmall();
  if (process.send === undefined) throw new Error('only the supervisor itself starts the archiver');
  const ended = new AbortController();
  process.once('disconnect', () => ended.abort(new Error('the supervisor is gone')));
  const preparing = prepare(isal, ended.signal);
  // Whoever gives the order is told.
  preparing.catch(() => undefined);
  try {
    const [order] = (await once(process, 'message', { signal: ended.signal })) as [ArchiverOrder];
    await archive(order, await preparing, ended.signal);
    return 0;
  } catch (error) {
    await send({ kind: 'fault', text: `failed: ${errorText(error)}` });
    return 1;
  }
}

/** Loads the addon, and has V8 compile what packs by an archive of it that nobody gets: half of what the first chunk takes. */
async function prepare(isal: string, signal: AbortSignal): Promise<Deflater> {
  const deflater = isalDeflater(isal);
  const how = { selection: selectAddon(isal), codec: 'gzip', level: 1, threads: 1, signal } as const;
  for await (const _ of archiveStream(how, deflater).pieces);
  await send({ kind: 'ready' });
  return deflater;
}

async function archive(order: ArchiverOrder, deflater: Deflater, signal: AbortSignal): Promise<void> {
  const { listsFiles, chunkBytes, ...options } = order;
  const files = new Map<string, number>();
  const onFile = (path: Buffer, bytes: number) => files.set(path.toString('latin1'), bytes);
  const stream = archiveStream({ ...options, signal, ...(listsFiles && { onFile }) }, deflater);
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
