import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Transform, type TransformCallback, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import zlib from 'node:zlib';
import { S3Error } from './errors.ts';

/** A received body: where it was put, and what it turned out to be. */
export interface Body {
  /** undefined: the bytes were discarded, only their figures kept. */
  readonly file: string | undefined;
  /** In place of a file. */
  readonly data?: Buffer;
  readonly bytes: number;
  readonly etag: string;
  readonly crc32: string;
  /** A CRC32 was sent with it: S3 answers with one then. */
  readonly isChecked: boolean;
}

export interface ReceiveOptions {
  readonly file: string | undefined;
  /** false: neither MD5 nor SHA-256 is computed, so that a benchmark measures the client. */
  readonly digests: boolean;
  readonly bytesPerSecond: number | undefined;
}

/**
 * Streams a request's body to disk, or nowhere, and checks it against every length and checksum sent along.
 * Understands aws-chunked bodies with trailers.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export async function receive(message: IncomingMessage, options: ReceiveOptions): Promise<Body> {
  const headers = message.headers;
  const isChunked = String(headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-');
  const announced = isChunked ? headers['x-amz-decoded-content-length'] : headers['content-length'];
  if (announced === undefined) throw new S3Error(411, 'MissingContentLength', 'You must provide a length.');

  const trailers: Record<string, string> = {};
  const md5 = options.digests ? createHash('md5') : undefined;
  const sha256 = options.digests ? createHash('sha256') : undefined;
  let bytes = 0;
  let crc = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      crc = zlib.crc32(chunk, crc);
      md5?.update(chunk);
      sha256?.update(chunk);
      done(null, chunk);
    },
  });
  const decode = isChunked ? [new ChunkDecoder(trailers)] : [];
  const slow = options.bytesPerSecond === undefined ? [] : [throttle(options.bytesPerSecond)];
  const sink = options.file === undefined ? new Discard() : createWriteStream(options.file);
  await pipeline([message, ...slow, ...decode, measure, sink]);

  if (bytes !== Number(announced))
    throw new S3Error(400, 'IncompleteBody', `Got ${bytes} of ${announced} bytes.`);
  const crc32 = base64Of(crc);
  const sha256Hex = sha256?.digest('hex');
  const md5Bytes = md5?.digest();
  const sentCrc32 = headers['x-amz-checksum-crc32'] ?? trailers['x-amz-checksum-crc32'];
  check('BadDigest', sentCrc32, crc32);
  check('BadDigest', headers['content-md5'], md5Bytes?.toString('base64'));
  const signed = String(headers['x-amz-content-sha256'] ?? '');
  if (/^[0-9a-f]{64}$/.test(signed)) check('XAmzContentSHA256Mismatch', signed, sha256Hex);
  return {
    file: options.file,
    bytes,
    etag: md5Bytes?.toString('hex') ?? crc.toString(16).padStart(32, '0'),
    crc32,
    isChecked: sentCrc32 !== undefined,
  };
}

function check(code: string, sent: string | string[] | undefined, found: string | undefined): void {
  if (sent === undefined || found === undefined || sent === found) return;
  throw new S3Error(
    400,
    code,
    `The checksum you specified (${String(sent)}) is not what we received (${found}).`,
  );
}

export function base64Of(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

/** By the clock: what a busy machine delays is made up for. */
function throttle(bytesPerSecond: number): Transform {
  let dueMs = performance.now();
  return new Transform({
    highWaterMark: 16_384,
    async transform(chunk: Buffer, _encoding, done) {
      dueMs += (chunk.length / bytesPerSecond) * 1_000;
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) await delay(leftMs);
      done(null, chunk);
    },
  });
}

class Discard extends Writable {
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}

/** Takes the framing off: `<hex>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailer>: <value>\r\n\r\n`. */
class ChunkDecoder extends Transform {
  readonly #trailers: Record<string, string>;
  #state: 'size' | 'data' | 'after-data' | 'trailers' = 'size';
  #left = 0;
  #line = '';

  constructor(trailers: Record<string, string>) {
    super();
    this.#trailers = trailers;
  }

  override _transform(input: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = input;
    while (rest.length > 0) rest = this.#state === 'data' ? this.#takeData(rest) : this.#takeLine(rest);
    done();
  }

  #takeData(input: Buffer): Buffer {
    const data = input.subarray(0, this.#left);
    this.push(data);
    this.#left -= data.length;
    if (this.#left === 0) this.#state = 'after-data';
    return input.subarray(data.length);
  }

  #takeLine(input: Buffer): Buffer {
    const end = input.indexOf('\n');
    this.#line += input.toString('latin1', 0, end === -1 ? input.length : end + 1);
    if (end === -1) return input.subarray(input.length);
    const line = this.#line.trimEnd();
    this.#line = '';
    if (this.#state === 'after-data') this.#state = 'size';
    else if (this.#state === 'size') this.#startChunk(Number.parseInt(line, 16));
    else this.#keepTrailer(line);
    return input.subarray(end + 1);
  }

  #startChunk(bytes: number): void {
    this.#left = bytes;
    this.#state = bytes === 0 ? 'trailers' : 'data';
  }

  #keepTrailer(line: string): void {
    const [name, value] = line.split(':', 2);
    if (name && value !== undefined) this.#trailers[name.toLowerCase()] = value.trim();
  }
}
