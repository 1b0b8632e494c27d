import { addAbortSignal, Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { withRetry } from '../retry.ts';
import type { StoredObject } from '../store.ts';
import { faultFrom, S3Fault } from './errors.ts';
import type { S3Home } from './objects.ts';

/** DeleteObjects takes no more. */
const DELETED_AT_ONCE = 1000;
/** Where a store has no DeleteObjects: how many single requests are under way. */
const DELETED_SINGLY = 16;
const IDLE_MS = 20_000;

/** Lists page by page, in S3's own order, which is that of the keys' bytes. */
export async function* listObjects(
  home: S3Home,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<StoredObject> {
  const { access, fullKey, onTrouble } = home;
  const start = fullKey('');
  let token: string | undefined;
  do {
    const input = { ...access.target, Prefix: `${start}${prefix}`, ContinuationToken: token };
    const page = await withRetry(
      `the list of ${prefix}`,
      () => access.ask(({ client, http }) => client.send(new ListObjectsV2Command(input), http), { signal }),
      { signal, onTrouble },
    );
    for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
      yield { key: Key.slice(start.length), bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 };
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** Deletes in batches, or one by one where a store cannot. */
export async function deleteObjects(
  home: S3Home,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const batch of batchesOf(keys, DELETED_AT_ONCE)) {
    try {
      await deleteBatch(home, batch, signal);
    } catch (error) {
      // Some stores have no DeleteObjects, others want an MD5 with it that the SDK no longer sends.
      if (!(error instanceof S3Fault) || error.kind !== 'refused') throw error;
      for (const few of batchesOf(batch, DELETED_SINGLY))
        await Promise.all(few.map(key => deleteObject(home, key, signal)));
    }
  }
}

async function deleteBatch(home: S3Home, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const { access, fullKey, onTrouble } = home;
  const Delete = { Quiet: true, Objects: keys.map(key => ({ Key: fullKey(key) })) };
  const { Errors = [] } = await withRetry(
    `deleting ${keys.length} objects`,
    () =>
      access.ask(
        ({ client, http }) => client.send(new DeleteObjectsCommand({ ...access.target, Delete }), http),
        {
          signal,
        },
      ),
    { signal, onTrouble },
  );
  const start = fullKey('').length;
  // Each has its own error; asked one by one, it is repeated or refused as any other.
  for (const { Key } of Errors) if (Key !== undefined) await deleteObject(home, Key.slice(start), signal);
}

async function deleteObject(home: S3Home, key: string, signal: AbortSignal): Promise<void> {
  const { access, fullKey, onTrouble } = home;
  const input = { ...access.target, Key: fullKey(key) };
  await withRetry(
    `deleting ${key}`,
    () => access.ask(({ client, http }) => client.send(new DeleteObjectCommand(input), http), { signal }),
    { signal, onTrouble },
  );
}

/** Opens an object for reading; undefined when there is none. */
export async function getObject(
  home: S3Home,
  key: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | undefined> {
  try {
    return readOn(home, key, await requestObject(home, key, undefined, signal), signal);
  } catch (error) {
    if (error instanceof S3Fault && error.kind === 'gone') return undefined;
    throw error;
  }
}

/** Reads an object to its end. Where a connection breaks, another goes on at that byte of the same object. */
async function* readOn(
  home: S3Home,
  key: string,
  first: GetObjectCommandOutput,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { ContentLength: bytes = 0, ETag } = first;
  let at = 0;
  for (let answer = first; ; answer = await requestObject(home, key, { from: at, ETag }, signal)) {
    const before = at;
    try {
      for await (const chunk of bytesOf(answer, signal)) {
        at += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const fault = faultFrom(error);
      if (fault.kind !== 'transient' || at === before || at >= bytes) throw fault;
      home.onTrouble?.({ what: `reading ${key}`, why: fault.message, waitMs: 0 });
    }
  }
}

function requestObject(
  { access, fullKey, onTrouble }: S3Home,
  key: string,
  rest: { readonly from: number; readonly ETag: string | undefined } | undefined,
  signal: AbortSignal,
): Promise<GetObjectCommandOutput> {
  const range = rest && { Range: `bytes=${rest.from}-`, IfMatch: rest.ETag };
  const input = { ...access.target, Key: fullKey(key), ...range };
  return withRetry(
    `reading ${key}`,
    () => access.ask(({ client, http }) => client.send(new GetObjectCommand(input), http), { signal }),
    { signal, onTrouble },
  );
}

/** The body's chunks; one that stops coming breaks off. Time that the reader takes does not count. */
async function* bytesOf({ Body }: GetObjectCommandOutput, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (!(Body instanceof Readable)) throw new Error('the store sent no body');
  addAbortSignal(signal, Body);
  const iterator: AsyncIterator<Buffer> = Body[Symbol.asyncIterator]();
  const giveUp = () => Body.destroy(new S3Fault(`no byte for ${IDLE_MS / 1000} s`, { kind: 'transient' }));
  try {
    while (true) {
      const idle = setTimeout(giveUp, IDLE_MS);
      const next = await iterator.next().finally(() => clearTimeout(idle));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    Body.destroy();
  }
}

function* batchesOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
