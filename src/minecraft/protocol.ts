/*
 * The part of Minecraft's wire format that a status ping needs.
 * https://minecraft.wiki/w/Java_Edition_protocol/Packets
 */

/** Longer than any status: a packet that announces more is refused before it is read. */
export const MAX_PACKET_BYTES = 1024 * 1024;

const MAX_VAR_INT_BYTES = 5;

/** One packet: its length, its id, its fields. */
export function packet(id: number, ...fields: Buffer[]): Buffer {
  const body = Buffer.concat([varInt(id), ...fields]);
  return Buffer.concat([varInt(body.length), body]);
}

/** A 32 bit number in groups of seven bits, the lowest first, the eighth bit set on all but the last. */
export function varInt(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varInt(bytes.length), bytes]);
}

export function unsignedShort(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** A number, and the offset of the byte after it. */
interface VarInt {
  readonly value: number;
  readonly end: number;
}

/** Reads a number; undefined when not all of its bytes have arrived. @throws when it is longer than 5 bytes */
export function readVarInt(bytes: Buffer, start = 0): VarInt | undefined {
  let value = 0;
  for (let count = 0; count < MAX_VAR_INT_BYTES; count += 1) {
    const byte = bytes[start + count];
    if (byte === undefined) return undefined;
    value |= (byte & 0x7f) << (7 * count);
    if ((byte & 0x80) === 0) return { value: value >>> 0, end: start + count + 1 };
  }
  throw new Error('not a Minecraft server: its answer has no length');
}

/**
 * Reads the first packet of a stream, in whatever pieces it arrives, and destroys the stream.
 * @returns the packet without its length
 * @throws when the stream fails or ends before the packet does, or the packet is longer than `MAX_PACKET_BYTES`
 */
export async function readPacket(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let arrived = 0;
  let frame: { start: number; end: number } | undefined;
  for await (const chunk of stream) {
    chunks.push(chunk);
    arrived += chunk.length;
    frame ??= frameOf(Buffer.concat(chunks));
    if (frame && arrived >= frame.end) return Buffer.concat(chunks).subarray(frame.start, frame.end);
  }
  throw new Error(arrived === 0 ? 'hung up without an answer' : 'hung up in the middle of the answer');
}

function frameOf(head: Buffer): { start: number; end: number } | undefined {
  const length = readVarInt(head);
  if (!length) return undefined;
  if (length.value > MAX_PACKET_BYTES) {
    throw new Error(`the answer is too long: ${length.value} bytes, at most ${MAX_PACKET_BYTES}`);
  }
  return { start: length.end, end: length.end + length.value };
}
