#!/usr/bin/env node
// packs-without-memory <folder>: may have 32 MiB more than it has, less than zstd needs at its highest level, and tells
// how packing ends.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { packed } from '../archive/packing.ts';
import { args } from '../support/program.ts';

const [folder] = args;
// By now libuv's pool has its threads.
const [, kibibytes] = /VmSize:\s+(\d+) kB/.exec(await readFile('/proc/self/status', 'utf8'));
execFileSync('prlimit', ['--pid', process.pid, `--as=${(Number(kibibytes) + 32_768) * 1024}`]);
await packed(folder, { codec: 'zstd', level: 22 }).then(
  () => console.log('packed'),
  error => console.log(`rejected: ${error.code}`),
);
