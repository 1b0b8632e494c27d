#!/usr/bin/env node
// Prints as many bytes as argv says, as fast as they are taken, and exits.
import { writeSync } from 'node:fs';

const line = `${'x'.repeat(1023)}\n`;
for (let left = Number(process.argv[2]); left > 0; left -= line.length) writeSync(1, line);
