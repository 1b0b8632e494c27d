#!/usr/bin/env node
// Mounts a disk of 256 KiB on the folder it is given, stores more than that in it, and prints what came of it.
import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { openDirectoryStore } from '../../src/store/directory.ts';

const [folder] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', folder]);
const chunks = (async function* () {
  for (let i = 0; i < 8; i += 1) yield Buffer.alloc(65_536);
})();
const options = { signal: new AbortController().signal, stallMs: 10_000 };
const error = await openDirectoryStore(folder)
  .store('logs.tar', chunks, options)
  .catch(caught => caught);
const { name, message, remedy } = error;
process.stdout.write(JSON.stringify({ name, message, remedy, left: await readdir(folder) }));
