#!/usr/bin/env node
// Rewrites a file in place a thousand times a second, with contents of several sizes that are one letter throughout.
import { writeFileSync } from 'node:fs';

setInterval(() => {
  const letter = String.fromCharCode(97 + Math.floor(Math.random() * 26));
  writeFileSync(process.argv[2], letter.repeat(500 + Math.floor(Math.random() * 3_000)));
}, 1);
