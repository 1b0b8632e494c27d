import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { Answer } from './answers.ts';
import type { Fault } from './faults.ts';
import type { Xml } from './xml.ts';

/** What a gateway, or a store with a fault, makes of an answer that is right. */
export async function spoil(
  answer: Answer,
  fault: Fault | undefined,
  message: IncomingMessage,
): Promise<Answer> {
  switch (fault) {
    case 'ignore-range':
      return wholeOf(answer);
    case 'cut':
      return withBytes(answer, bytes => bytes.subarray(0, Math.floor(bytes.length / 2)));
    case 'short':
      return withBytes(answer, shorten, { 'content-length': true });
    case 'flip':
      return withBytes(answer, flip);
    case 'unzip':
      return message.headers['accept-encoding']?.includes('gzip')
        ? answer
        : withBytes(answer, bytes => gunzipSync(bytes), {
            'content-length': true,
            'x-amz-checksum-crc32': true,
          });
    case 'no-token':
    case 'same-page':
      return answer.xml === undefined
        ? answer
        : { ...answer, xml: brokenOff(without(answer.xml, 'NextContinuationToken')) };
    case 'no-checksum':
      return replaced(answer, 'x-amz-checksum-crc32', 'ChecksumCRC32', () => undefined);
    case 'other-checksum':
      return replaced(answer, 'x-amz-checksum-crc32', 'ChecksumCRC32', text =>
        text.replace(/^.{6}/, 'AAAAAA'),
      );
    case 'other-etag':
      return replaced(answer, 'etag', 'ETag', () => '"4f6e65206f66206974732d6f776e"');
    default:
      return answer;
  }
}

/** With another value of what is a header in some answers, and an element in others; without it for undefined. */
function replaced(
  { headers = {}, xml, ...answer }: Answer,
  header: string,
  element: string,
  change: (text: string) => string | undefined,
): Answer {
  const changed = (name: string, value: string) => (name === header ? change(value) : value);
  const kept = Object.entries(headers).flatMap(([name, value]) => {
    const text = changed(name, value);
    return text === undefined ? [] : [[name, text]];
  });
  return {
    ...answer,
    headers: Object.fromEntries(kept),
    ...(xml && { xml: withElement(xml, element, change) }),
  };
}

function withElement(
  [name, content]: Xml,
  element: string,
  change: (text: string) => string | undefined,
): Xml {
  if (!Array.isArray(content)) return [name, content];
  const inner = (content as readonly Xml[]).flatMap(([child, text]): Xml[] => {
    const other = child === element ? change(String(text)) : undefined;
    if (child !== element) return [[child, text]];
    return other === undefined ? [] : [[child, other]];
  });
  return [name, inner];
}

const shorten = (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2));

function flip(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  if (flipped.length > 0) flipped.writeUInt8(flipped.readUInt8(flipped.length >> 1) ^ 1, flipped.length >> 1);
  return flipped;
}

/** A store that does not know ranges. */
function wholeOf(answer: Answer): Answer {
  if (answer.object === undefined) return answer;
  const { 'content-range': _, ...headers } = answer.headers ?? {};
  const { stored } = answer.object;
  return {
    status: 200,
    headers: { ...headers, 'content-length': String(stored.bytes) },
    object: { stored, from: 0, to: stored.bytes },
  };
}

/** Other bytes, under the headers of the right ones, but for those that are left out. */
async function withBytes(
  answer: Answer,
  change: (bytes: Buffer) => Buffer,
  drop: Readonly<Record<string, true>> = {},
): Promise<Answer> {
  const { object, ...rest } = answer;
  if (object === undefined) return answer;
  const files = object.stored.bodies.flatMap(({ file }) => (file === undefined ? [] : [readFile(file)]));
  const bytes = Buffer.concat(await Promise.all(files)).subarray(object.from, object.to);
  const headers = Object.entries(answer.headers ?? {}).filter(([name]) => !drop[name]);
  return { ...rest, headers: Object.fromEntries(headers), bytes: change(bytes) };
}

/** A list of uploads, which our S3 never cuts, as one that has more. */
function brokenOff([name, content]: Xml): Xml {
  if (name !== 'ListMultipartUploadsResult' || !Array.isArray(content)) return [name, content];
  const inner = content as readonly Xml[];
  return [name, inner.map(([child, text]) => [child, child === 'IsTruncated' ? true : text])];
}

function without([name, content]: Xml, left: string): Xml {
  if (!Array.isArray(content)) return [name, content];
  const inner = (content as readonly Xml[]).filter(([child]) => child !== left);
  return [name, inner];
}
