/**
 * Our contestant, a process of its own: what the product does once a session has ended, with the product's own modules.
 * Usage: ours.ts <folder> <s3://bucket/key> <codec> <level> <isal|zlib> [wait]; or ours.ts archiver, as it
 * starts itself. Prints the summary as JSON. With `wait` it prints `ready` when the store has been opened and checked, as it is before a session
 * starts, and begins when it reads a line.
 */
import { once } from 'node:events';
import { isWorthSumsThread, startSumsThread } from '../../src/archive/archive-sums.ts';
import { archiver } from '../../src/archive/archiver-main.ts';
import { ARCHIVER_COMMAND } from '../../src/archive/archiver-messages.ts';
import { isalFor } from '../../src/archive/deflate-choice.ts';
import { pack } from '../../src/archive/pack.ts';
import { survey } from '../../src/archive/walk.ts';
import { compressionThreads, poolSize } from '../../src/runtime/cpus.ts';
import { openStore } from '../../src/store/open.ts';

process.env.UV_THREADPOOL_SIZE ??= String(poolSize(compressionThreads()));

if (process.argv[2] === ARCHIVER_COMMAND) process.exit(await archiver({ args: process.argv.slice(3) }));

const [folder = '.', url = '', codec = 'gzip', level = '2', deflate = 'zlib', wait] = process.argv.slice(2);
if (deflate !== 'isal' && deflate !== 'zlib') throw new Error(`nothing deflates by ${deflate}`);
if (codec !== 'none' && codec !== 'gzip' && codec !== 'zstd') throw new Error(`no such codec: ${codec}`);
const [bucket = '', ...key] = url.replace('s3://', '').split('/');

const { signal } = new AbortController();
const selection = { root: folder, include: [], exclude: [], excludedPaths: [] };
const s3 = { pathStyle: true, encryption: undefined, expectedOwner: undefined };
const destination = await openStore({ kind: 's3', bucket, prefix: '' }, { s3 });
if (wait !== undefined) {
  await destination.check(signal);
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  process.stdin.destroy();
}
const [{ archiveBytes }] = await Promise.all([
  survey(selection, signal),
  destination.exists(key.join('/'), signal),
]);
using sums = isWorthSumsThread(codec, archiveBytes) ? startSumsThread() : undefined;
const packing = pack({
  selection,
  codec,
  level: Number(level),
  isal: isalFor({ codec, level: Number(level), deflate }, archiveBytes),
  chunkBytes: destination.chunkBytes(archiveBytes),
  threads: compressionThreads(),
  sums,
  signal,
});
await destination.store(key.join('/'), packing.chunks, {
  signal,
  stallMs: 300_000,
  onStored: packing.releaseChunk,
  sums,
});
destination.close();
process.stdout.write(`${JSON.stringify(packing.summary())}\n`);
