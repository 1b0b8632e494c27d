import { orAborted, timeoutSignal } from '../../runtime/abort.ts';
import { openSource, type Source } from '../source.ts';
import { watchForStall } from '../stall.ts';
import type { Receipt, UploadOptions } from '../store.ts';
import { explain, messageOf } from './explain.ts';
import { abortUpload, beginUpload, type SendOptions, type Sent, sendUpload } from './multipart.ts';
import { look, putObject, type S3Home } from './objects.ts';
import { isWholeArchive } from './part-size.ts';

const IDLE_MS = 20_000;
/** How long an aborted try has to take back what it sent. */
const TIDY_MS = 1_500;
/** How long the store may take to tell the size of what it has just stored. */
const CONFIRM_MS = 10_000;

/** Stores an archive: small ones in one request, others in parts. See `Destination.store`. */
export async function storeArchive(
  home: S3Home,
  url: string,
  key: string,
  chunks: AsyncIterable<Buffer>,
  options: UploadOptions,
): Promise<Receipt> {
  const watch = watchForStall(options.stallMs, options.signal);
  const source = openSource(chunks, watch.signal);
  const { onProgress, onStored } = options;
  const sending = { watch, idleMs: Math.min(IDLE_MS, options.stallMs / 2), onProgress, onStored };
  try {
    const sent = await orAborted(send(home, key, source, sending), options.signal, TIDY_MS);
    const verified = await confirm(home, key, sent.bytes, options.signal);
    return { url: `${url}/${key}`, key, bytes: sent.bytes, parts: sent.parts, verified };
  } catch (error) {
    options.signal.throwIfAborted();
    throw explain(error, `save ${key} to ${url}`, home.place);
  } finally {
    source.close();
    watch.stop();
  }
}

async function send(home: S3Home, key: string, source: Source<Buffer>, options: SendOptions): Promise<Sent> {
  const next = await source.next();
  const first = next.done ? Buffer.alloc(0) : next.value;
  return isWholeArchive(first.length)
    ? sendWhole(home, key, first, source, options)
    : sendInParts(home, key, first, source, options);
}

async function sendWhole(
  home: S3Home,
  key: string,
  body: Buffer,
  source: Source<Buffer>,
  { watch, idleMs, onProgress, onStored }: SendOptions,
): Promise<Sent> {
  if (!(await source.next()).done)
    throw new Error(
      `a chunk of ${body.length} bytes came before the last: chunks must have the size of chunkBytes`,
    );
  await putObject(home, key, body, { ifAbsent: true, signal: watch.signal, idleMs, onMoved: watch.moved });
  onProgress?.(body.length);
  onStored?.(body);
  return { bytes: body.length, parts: 1 };
}

async function sendInParts(
  home: S3Home,
  key: string,
  first: Buffer,
  source: Source<Buffer>,
  options: SendOptions,
): Promise<Sent> {
  const { watch, idleMs } = options;
  const upload = await beginUpload(home, key, { signal: watch.signal, idleMs });
  try {
    return await sendUpload(home, upload, first, source, options);
  } catch (error) {
    await abortUpload(home, upload).catch((why: unknown) => {
      const what = `aborting the upload of ${key}, whose parts stay until the bucket's lifecycle rule clears them`;
      home.onTrouble?.({ what, why: messageOf(why), waitMs: undefined });
    });
    throw error;
  }
}

/** Asks the size back. What is stored is stored, also when the answer does not come. */
async function confirm(home: S3Home, key: string, bytes: number, signal: AbortSignal): Promise<boolean> {
  const limit = timeoutSignal(CONFIRM_MS, signal);
  const seen = await look(home, key, limit).catch(() => 'unknown' as const);
  if (seen === 'unknown') return false;
  const found = seen === 'absent' ? 'nothing' : `${seen.bytes} bytes`;
  if (seen === 'absent' || seen.bytes !== bytes)
    throw new Error(`the store took ${bytes} bytes, but has ${found}`);
  return true;
}
