#!/usr/bin/env node
// Writes files of several kinds into its working directory; runs until SIGTERM, and exits with 0.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { stayAlive } from '../support/program.ts';

process.on('SIGTERM', () => process.exit(0));
stayAlive();
mkdirSync('memory/empty', { recursive: true });
writeFileSync('job_metadata.json', '{"job":1}\n');
writeFileSync('memory/moves.csv', 'x,y,z\n1,2,3\n');
writeFileSync('memory/ünïcödé name.bin', Buffer.from([0, 255, 10, 13]));
for (let line = 1; line <= 1000; line += 1) appendFileSync('debug.log', `line ${line}\n`);
console.log('agent runs');
