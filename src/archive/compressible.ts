import { deflateRawSync } from 'node:zlib';

/**
 * Whether a block is worth compressing, told from a sample: 8 KiB from all over it. Only bytes that look random by
 * their frequencies are tried with deflate, which costs ten times as much.
 */
export function isCompressible(block: Buffer): boolean {
  const step = Math.max(SLICE_BYTES, Math.floor(block.length / SLICES));
  const slices = [];
  for (let at = 0; at < block.length; at += step) slices.push(block.subarray(at, at + SLICE_BYTES));
  const sample = Buffer.concat(slices);
  return bitsPerByte(sample) < 7.5 || deflateRawSync(sample, { level: 1 }).length < sample.length * 0.97;
}

const SLICES = 8;
const SLICE_BYTES = 1024;

/** Shannon's entropy of the bytes, each by itself. */
function bitsPerByte(bytes: Buffer): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) {
    if (count > 0) bits -= (count / bytes.length) * Math.log2(count / bytes.length);
  }
  return bits;
}
