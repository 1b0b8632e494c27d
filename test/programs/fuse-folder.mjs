#!/usr/bin/env node
// fuse-folder.mjs FOLDER: mounts an empty file system there, and answers for it (see linux/fuse.h); its pid is then in
// FOLDER.pid. Whatever is made there is refused. Once somebody has asked for "stop" there it stops, as soon as it has
// nothing to do: whoever waits for a request that has been read can be ended by nothing, not even SIGKILL
// (request_wait_answer in fs/fuse/dev.c), and whoever is between two requests is in the middle of something.
import { spawnSync } from 'node:child_process';
import { constants, openSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs';

const [FORGET, GETATTR, INIT, OPENDIR, RELEASEDIR, READDIR, BATCH_FORGET] = [2, 3, 26, 27, 29, 28, 42];
const [ENOENT, ENOSYS, LOOKUP] = [2, 38, 1];
const [at = ''] = process.argv.slice(2);

const LULL_MS = 50;

const fuse = openSync('/dev/fuse', constants.O_RDWR | constants.O_NONBLOCK);
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'none', at], {
  stdio: ['ignore', 'inherit', 'inherit', fuse],
});
if (mounted.status !== 0) process.exit(1);
writeFileSync(`${at}.part`, String(process.pid));
renameSync(`${at}.part`, `${at}.pid`);

const request = Buffer.alloc(256 * 1024);
let isToStop = false;
for (let lull = 0; ; lull += 1) {
  if (!receive()) {
    if (isToStop && lull > LULL_MS) process.kill(process.pid, 'SIGSTOP');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    continue;
  }
  lull = 0;
  const operation = request.readUInt32LE(4);
  if (operation === FORGET || operation === BATCH_FORGET) continue;
  const { error = 0, body = Buffer.alloc(0) } = answerTo(operation);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeInt32LE(-error, 4);
  request.copy(head, 8, 8, 16);
  writeSync(fuse, Buffer.concat([head, body]));
  isToStop ||= operation === LOOKUP && nameIn(request) === 'stop';
}

/** @returns whether there was a request */
function receive() {
  try {
    readSync(fuse, request);
    return true;
  } catch (error) {
    if (error.code === 'EAGAIN') return false;
    throw error;
  }
}

function nameIn(lookup) {
  return lookup.toString('latin1', 40, lookup.indexOf(0, 40));
}

function answerTo(operation) {
  if (operation === INIT) return { body: words(16, { 0: 7, 1: 31, 5: 4096 }) };
  // A folder with two links, of mode 755; nothing of it may be cached.
  if (operation === GETATTR) return { body: words(26, { 4: 1, 19: 0o40755, 20: 2, 24: 4096 }) };
  if (operation === OPENDIR) return { body: words(4, { 0: 1 }) };
  if (operation === READDIR || operation === RELEASEDIR) return {};
  return { error: operation === LOOKUP ? ENOENT : ENOSYS };
}

function words(count, values) {
  const body = Buffer.alloc(4 * count);
  for (const [index, value] of Object.entries(values)) body.writeUInt32LE(value, 4 * Number(index));
  return body;
}
