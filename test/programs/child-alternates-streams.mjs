#!/usr/bin/env node
// Writes so many lines in turn to stdout and stderr.
import { writeSync } from 'node:fs';

for (let line = 0; line < Number(process.argv[2]); line += 1) writeSync(1 + (line % 2), `line ${line}\n`);
