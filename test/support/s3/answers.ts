import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { S3Error as Refusal, type S3Error } from './errors.ts';
import type { StoredObject } from './state.ts';
import { document, type Xml } from './xml.ts';

/** What is answered: nothing but a status, a document, or an object's bytes. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly xml?: Xml;
  readonly object?: { readonly stored: StoredObject; readonly from: number; readonly to: number };
  /** In place of an object's. */
  readonly bytes?: Buffer;
}

export async function send(response: ServerResponse, answer: Answer, isHead: boolean): Promise<void> {
  const text = answer.xml && document(answer.xml);
  const length =
    text === undefined
      ? {}
      : { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(text) };
  response.writeHead(answer.status, { ...length, ...answer.headers });
  if (answer.bytes && !isHead) await sendBytes(response, answer.bytes);
  else if (answer.object && !isHead) await pipeline(bytesOf(answer.object), response);
  else response.end(isHead ? undefined : text);
}

/** Where fewer come than the headers say, the connection breaks after them. */
async function sendBytes(response: ServerResponse, bytes: Buffer): Promise<void> {
  const announced = Number(response.getHeader('content-length') ?? bytes.length);
  if (announced <= bytes.length) return void response.end(bytes);
  await new Promise<void>(resolve => response.write(bytes, () => resolve()));
  response.socket?.end();
}

export function refusal(error: S3Error, isHead: boolean): Answer {
  const details = Object.entries(error.details).map(([name, value]): Xml => [name, value]);
  const xml: Xml = [
    'Error',
    [['Code', error.code], ['Message', error.message], ...details, ['RequestId', '1']],
  ];
  return { status: error.status, headers: error.headers, ...(isHead ? {} : { xml }) };
}

/** Headers of GetObject and HeadObject, with the range asked for. */
export function describe(stored: StoredObject, message: IncomingMessage): Answer {
  const headers = {
    ...stored.headers,
    etag: `"${stored.etag}"`,
    'last-modified': stored.modified.toUTCString(),
    'accept-ranges': 'bytes',
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(message.headers.range ?? '');
  if (!range) {
    const object = { stored, from: 0, to: stored.bytes };
    const checksum = message.headers['x-amz-checksum-mode'] === 'ENABLED' ? checksumOf(stored) : {};
    const length = { 'content-length': String(stored.bytes) };
    return { status: 200, headers: { ...headers, ...checksum, ...length }, object };
  }
  const from = Number(range[1]);
  const to = range[2] ? Math.min(Number(range[2]) + 1, stored.bytes) : stored.bytes;
  if (from >= stored.bytes) throw new Refusal(416, 'InvalidRange', 'The requested range is not satisfiable');
  const partial = {
    'content-length': String(to - from),
    'content-range': `bytes ${from}-${to - 1}/${stored.bytes}`,
  };
  return { status: 206, headers: { ...headers, ...partial }, object: { stored, from, to } };
}

/** Of an object in parts S3 gives one that is no checksum of its bytes. */
function checksumOf({ bodies: [body], parts }: StoredObject): Record<string, string> {
  return body === undefined || parts > 1 ? {} : { 'x-amz-checksum-crc32': body.crc32 };
}

function bytesOf({ stored, from, to }: { stored: StoredObject; from: number; to: number }): Readable {
  async function* read() {
    let start = 0;
    for (const body of stored.bodies) {
      const [first, last] = [Math.max(from - start, 0), Math.min(to - start, body.bytes) - 1];
      start += body.bytes;
      if (first > last) continue;
      if (body.data !== undefined) {
        yield body.data.subarray(first, last + 1);
        continue;
      }
      if (body.file === undefined) throw new Error('this stand-in keeps no bytes');
      yield* createReadStream(body.file, { start: first, end: last });
    }
  }
  return Readable.from(read());
}
