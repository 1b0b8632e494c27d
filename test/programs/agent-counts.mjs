#!/usr/bin/env node
// Writes a numbered line with the time of its writing into counted.log every few milliseconds, until it is killed.
import { appendFileSync } from 'node:fs';

let line = 0;
setInterval(() => {
  line += 1;
  appendFileSync('counted.log', `${line} ${Date.now()}\n`);
}, 5);
