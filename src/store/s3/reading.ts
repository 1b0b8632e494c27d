import { addAbortSignal, Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { ChecksumError, type GetOptions, type ObjectBody, type ReadPosition } from '../store.ts';
import { asKind, S3Error } from './errors.ts';
import { listObjects } from './listing.ts';
import type { Bucket } from './objects.ts';

const IDLE_MS = 20_000;

/**
 * Opens an object for reading; undefined when there is none. The SDK checks the checksum that the store gives with a
 * whole object (its ChecksumMode).
 */
export async function getObject(
  bucket: Bucket,
  key: string,
  signal: AbortSignal,
  from: ReadPosition | undefined,
  { acceptsGzip = false }: GetOptions = {},
): Promise<ObjectBody | undefined> {
  const { access, fullKey } = bucket;
  const start = from?.at ?? 0;
  // A range brings no checksum, so an object of which nothing has come is asked for whole.
  const range = start === 0 ? {} : { Range: `bytes=${start}-` };
  const condition = from?.version === undefined ? {} : { IfMatch: from.version };
  const input = { ...access.bucketFields, Key: fullKey(key), ...range, ...condition };
  try {
    const answer = await access.request(
      ({ client, http }) => {
        const command = new GetObjectCommand(input);
        if (acceptsGzip) acceptGzip(command);
        return client.send(command, http);
      },
      { signal },
    );
    if (from?.version !== undefined && strong(answer.ETag) !== strong(from.version)) throw replaced();
    return Object.assign(bytesOf(answer, start, signal), { version: answer.ETag });
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    if (error.kind === 'not-found') return undefined;
    // Nothing comes after the bytes that were read already.
    if (error.status === 416 && from !== undefined)
      return Object.assign(nothing(), { version: from.version });
    if (error.status === 412) throw replaced(error);
    if (error.kind === 'denied' && from === undefined && (await isUnlisted(bucket, key, signal)))
      return undefined;
    throw error;
  }
}

/**
 * Whether it is denied since there is none: a key that is not there is answered so unless the whole bucket may be listed,
 * and a right to list may be limited to what begins with a prefix, which a GET does not name.
 */
async function isUnlisted(bucket: Bucket, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const first of listObjects(bucket, key, signal, undefined)) return first.key !== key;
    return true;
  } catch (error) {
    if (error instanceof S3Error && error.kind !== 'transient') return false;
    throw error;
  }
}

function replaced(error?: S3Error): S3Error {
  const message = 'it was replaced while it was read';
  return error === undefined
    ? new S3Error(message, { kind: 'replaced' })
    : asKind(error, 'replaced', message);
}

/** A gateway that transforms an object makes its ETag a weak one. */
function strong(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//, '');
}

async function* nothing(): AsyncGenerator<Buffer> {
  // An object's end has no bytes.
}

/** Asks gateways to leave alone what is gzipped. Added after the signature, of which gateways may change no header. */
function acceptGzip(command: GetObjectCommand): void {
  const stack: Pick<GetObjectCommand['middlewareStack'], 'add'> = command.middlewareStack;
  stack.add(
    next => args => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'headers' in request)
        Object.assign(request.headers as object, { 'accept-encoding': 'gzip' });
      return next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'acceptGzip' },
  );
}

/**
 * The chunks from a position on, also where the store answers a range with the whole object. One that stops coming, or
 * ends early, breaks off. Time that the reader takes does not count.
 */
async function* bytesOf(
  answer: GetObjectCommandOutput,
  position: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { Body, ContentLength } = answer;
  if (!(Body instanceof Readable)) throw new Error('the store sent no body');
  addAbortSignal(signal, Body);
  const iterator: AsyncIterator<Buffer> = Body[Symbol.asyncIterator]();
  const giveUp = () => Body.destroy(new S3Error(`no byte for ${IDLE_MS / 1000} s`, { kind: 'transient' }));
  let received = 0;
  try {
    let toSkip = position - startOf(answer, position);
    if (toSkip < 0) throw new S3Error(`the store left out ${-toSkip} bytes`, { kind: 'transient' });
    while (true) {
      const idle = setTimeout(giveUp, IDLE_MS);
      const next = await iterator.next().finally(() => clearTimeout(idle));
      if (next.done) break;
      received += next.value.length;
      const chunk = next.value.subarray(toSkip);
      toSkip -= next.value.length - chunk.length;
      if (chunk.length > 0) yield chunk;
    }
  } catch (error) {
    throw isChecksumMismatch(error) ? new ChecksumError(error.message) : error;
  } finally {
    Body.destroy();
  }
  if (ContentLength !== undefined && received < ContentLength)
    throw new S3Error(`only ${received} of ${ContentLength} bytes came`, { kind: 'transient' });
}

/** Where the bytes of an answer begin. https://www.rfc-editor.org/rfc/rfc9110#field.content-range */
function startOf({ ContentRange, $metadata }: GetObjectCommandOutput, asked: number): number {
  const [, first] = /^bytes (\d+)-/.exec(ContentRange ?? '') ?? [];
  if (first !== undefined) return Number(first);
  return $metadata.httpStatusCode === 206 ? asked : 0;
}

/** The SDK gives its error no name of its own. */
function isChecksumMismatch(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith('Checksum mismatch');
}
