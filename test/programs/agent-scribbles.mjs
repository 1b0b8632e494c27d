#!/usr/bin/env node
// agent-scribbles <seed> <ms>: writes numbered, timestamped lines into logs that only grow, are rotated, or are copied and
// cut, no sooner than so many ms after the last time, and rewrites files whose contents prove themselves.
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { args } from '../support/program.ts';
import { seeded } from '../support/seeded.ts';

const random = seeded(Number(args[0]));
const below = n => Math.floor(random() * n);
const counts = new Map();
const next = name => {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  return count;
};
const line = name => `${next(name)} ${Date.now()}\n`;
const lines = (name, n) => Array.from({ length: n }, () => line(name)).join('');
const padded = (name, bytes) => line(name).replace('\n', ` ${'.'.repeat(bytes)}\n`);
const PAGE = 4096;
let nextCutMs = Date.now() + Number(args[1]);

/** A text of so many bytes whose last word is the digest of what comes before it. */
function proven(name, bytes) {
  const text = `${name} ${next(name)} ${Date.now()} `.padEnd(bytes - 65, String.fromCharCode(97 + below(26)));
  return `${text}${createHash('sha256').update(text).digest('hex')}\n`;
}

const deeds = [
  () => appendFileSync('deep/er/steady.log', lines('steady', 1 + below(20))),
  () => appendFileSync('bursts.log', padded('bursts', below(random() < 0.02 ? 300_000 : 2_000))),
  () => appendFileSync('rotated.log', lines('rotated', 1 + below(20))),
  () => appendFileSync('cut.log', lines('cut', 1 + below(20))),
  () => process.stdout.write(line('printed')),
  () => {
    if (random() > 0.05) return;
    renameSync('rotated.log', `rotated.log.${next('rotations')}`);
    writeFileSync('rotated.log', '');
  },
  () => {
    if (Date.now() < nextCutMs || random() > 0.2) return;
    nextCutMs = Date.now() + Number(args[1]);
    copyFileSync('cut.log', `cut.log.${next('cuts')}`);
    truncateSync('cut.log');
  },
  () => {
    if (random() > 0.2) return;
    writeFileSync('replaced.tmp', proven('replaced', 200 + below(200_000)));
    renameSync('replaced.tmp', 'replaced.txt');
  },
  () => random() < 0.2 && writeFileSync('rewritten.txt', proven('rewritten', 200 + below(3_000))),
  () => {
    const page = below(16);
    writeSync(pages, proven(`page${page}`, PAGE - 1), page * PAGE);
  },
];

mkdirSync('deep/er', { recursive: true });
for (const name of ['rotated.log', 'cut.log']) writeFileSync(name, '');
const pages = openSync('pages.bin', 'w');
for (let page = 0; page < 16; page += 1) writeSync(pages, proven(`page${page}`, PAGE - 1), page * PAGE);
process.once('exit', () => closeSync(pages));
setInterval(() => {
  appendFileSync('counted.log', line('counted'));
  for (let n = below(6); n > 0; n -= 1) deeds[below(deeds.length)]();
}, 5);
