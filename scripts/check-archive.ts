#!/usr/bin/env node
/**
 * Packs folders with gzip and zstd, reads the archives with GNU tar, bsdtar and Python, and compares the result with the
 * folder, byte for byte. Usage: check-archive.ts [folder...]; with none it takes the working directories of
 * the bench and files of 9 GiB, which needs 30 GiB of disk.
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from '../src/archive/pack.ts';
import { compressionThreads } from '../src/runtime/cpus.ts';
import { ROWS } from './bench/rows.ts';
import { buildWorkdir } from './bench/workdir.ts';

/** Compares a tar on stdin with the folder it is started in. */
const PYTHON = `
import os, sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode='r|', bufsize=1 << 20) as archive:
    for entry in archive:
        there = os.lstat(entry.name)
        if not entry.issym() and (entry.mode, entry.mtime) != (there.st_mode & 0o7777, there.st_mtime_ns // 10**9):
            sys.exit('mode or time differs: ' + entry.name)
        if entry.issym() and entry.linkname != os.readlink(entry.name):
            sys.exit('target differs: ' + entry.name)
        if entry.isfile():
            content = archive.extractfile(entry)
            with open(entry.name, 'rb') as original:
                while piece := content.read(1 << 20):
                    if piece != original.read(1 << 20):
                        sys.exit('content differs: ' + entry.name)
                if original.read(1):
                    sys.exit('content is shorter: ' + entry.name)
`;

const CODECS = [
  { codec: 'gzip', decompress: 'gzip -dc' },
  { codec: 'zstd', decompress: 'zstd -dcq' },
] as const;

/** For sh, in the folder: `$ARCHIVE` is the archive, `$OUT` an empty folder. Each fails on the first difference. */
const READERS = [
  { name: 'GNU tar', script: '$DECOMPRESS "$ARCHIVE" | tar --compare -f -' },
  {
    name: 'bsdtar',
    script: '$DECOMPRESS "$ARCHIVE" | bsdtar -xpf - -C "$OUT" && diff -r --no-dereference . "$OUT"',
  },
  { name: 'Python', script: '$DECOMPRESS "$ARCHIVE" | python3 -c "$PYTHON"' },
];

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'check-archive-'));
  const given = process.argv.slice(2).map(folder => resolve(folder));
  try {
    const folders = given.length > 0 ? given : [...benchFolders(), largeFolder(scratch)];
    for (const folder of folders) {
      for (const { codec, decompress } of CODECS) await check(folder, codec, decompress, scratch);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function benchFolders(): string[] {
  return ROWS.map(row => {
    const folder = join(tmpdir(), 'craftassist-bench', row.name);
    mkdirSync(join(folder, '..'), { recursive: true });
    buildWorkdir(folder, row.size);
    return folder;
  });
}

/** More than the 8 GiB that a tar header's octal digits can express, once with its holes and once reserved on the disk. */
function largeFolder(scratch: string): string {
  const folder = join(scratch, 'large');
  mkdirSync(folder);
  for (const name of ['sparse', 'reserved']) {
    const path = join(folder, name);
    writeFileSync(path, 'the beginning');
    truncateSync(path, LARGE_BYTES - 7);
    writeFileSync(path, 'the end', { flag: 'a' });
  }
  spawnSync('fallocate', ['--length', String(LARGE_BYTES), join(folder, 'reserved')]);
  return folder;
}

const LARGE_BYTES = 9 * 2 ** 30;

async function check(
  folder: string,
  codec: 'gzip' | 'zstd',
  decompress: string,
  scratch: string,
): Promise<void> {
  const archive = join(scratch, `archive.${codec}`);
  const packing = pack({
    selection: { root: folder, include: [], exclude: [], excludedPaths: [] },
    codec,
    level: 2,
    chunkBytes: 8 << 20,
    threads: compressionThreads(),
    signal: new AbortController().signal,
  });
  await pipeline(packing.chunks, createWriteStream(archive));
  for (const { name, script } of READERS) {
    const out = join(scratch, 'out');
    mkdirSync(out);
    const env = { ...process.env, DECOMPRESS: decompress, ARCHIVE: archive, OUT: out, PYTHON };
    const run = spawnSync('bash', ['--norc', '-c', `set -o pipefail; ${script}`], { cwd: folder, env });
    rmSync(out, { recursive: true });
    const verdict = run.status === 0 ? 'the same' : `DIFFERS ${run.stdout}${run.stderr}`.slice(0, 1000);
    process.stdout.write(`${folder}, ${codec}, ${name}: ${verdict}\n`);
    if (run.status !== 0) process.exitCode = 1;
  }
  rmSync(archive);
}

await main();
