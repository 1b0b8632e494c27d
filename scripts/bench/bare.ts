/**
 * A codec alone, as fast as it goes on the cores that compress: what is left of an archive's time is ours to answer for.
 * Usage: bare.ts <file> <codec> <level> <isal|zlib>. The blocks are of the size that an archive has them in.
 */
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, deflateRaw } from 'node:zlib';
import { findIsal, isalDeflater } from '../../src/archive/isal-deflater.ts';
import { zstd } from '../../src/archive/zstd.ts';
import { mapConcurrently } from '../../src/runtime/concurrency.ts';
import { compressionThreads, poolSize } from '../../src/runtime/cpus.ts';

const threads = compressionThreads();
process.env.UV_THREADPOOL_SIZE ??= String(poolSize(threads));

const BLOCK_BYTES = 2 << 20;
const [path = '', codec = '', level = '', deflate = ''] = process.argv.slice(2);
const freeBuffers: Buffer[] = [];

async function* blocks(): AsyncGenerator<Buffer> {
  await using file = await open(path);
  for (;;) {
    const block = freeBuffers.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES);
    if (bytesRead === 0) return;
    yield block.subarray(0, bytesRead);
  }
}

/** Compresses a block, and lets go of what it becomes. */
function compressor(): (block: Buffer) => Promise<unknown> {
  if (deflate === 'isal') {
    const deflater = isalDeflater(findIsal() ?? '');
    return async block => {
      const { output } = await deflater.deflate(block, Number(level));
      if (output !== undefined) deflater.release(output);
    };
  }
  const deflated = promisify(deflateRaw);
  const options = { level: Number(level), finishFlush: constants.Z_SYNC_FLUSH, chunkSize: BLOCK_BYTES };
  return block => deflated(block, options);
}

if (codec === 'zstd') {
  for await (const _ of zstd.encode(blocks(), {
    level: Number(level),
    threads,
    freeBuffers,
    onBlock: () => undefined,
  }));
} else {
  const compress = compressor();
  const done = mapConcurrently(blocks(), threads + 2, block => compress(block).then(() => block));
  for await (const block of done) if (block.length === BLOCK_BYTES) freeBuffers.push(block);
}
