#!/usr/bin/env node
// agent-writes-known <ms>: logs with the time in each line, one of them rotated; a file that is replaced whole, and one
// that goes. What each of them has held at any time is told by what is there in the end. Then it exits with 0.
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { contentOf } from '../support/known-files.ts';
import { args } from '../support/program.ts';

const endMs = Date.now() + Number(args[0]);
const append = (path, number) => appendFileSync(path, `${number} ${Date.now()}\n`);

/** Beside the working directory: what is there is whole. */
function replace(version) {
  writeFileSync('../replaced.tmp', contentOf(version));
  renameSync('../replaced.tmp', 'replaced.txt');
}

mkdirSync('deep/er', { recursive: true });
writeFileSync('lock', 'here\n');
const ROTATED_AT = 20;
let number = 0;
setInterval(() => {
  number += 1;
  append('grown.log', number);
  append('deep/er/grown.log', number);
  append('rotated.log', number);
  if (number % 10 === 0) replace(number / 10);
  if (number === ROTATED_AT) renameSync('rotated.log', 'rotated.log.1');
  if (number === 15) rmSync('lock');
  // On a busy machine its time may be over before it has done everything once.
  if (Date.now() > endMs && number >= ROTATED_AT) process.exit(0);
}, 10);
