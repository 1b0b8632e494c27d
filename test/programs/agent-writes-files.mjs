#!/usr/bin/env node
// agent-writes-files [leave]: files of several kinds, into its working directory; then it runs until SIGTERM, or leaves
// at once, and exits with 0.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { args, stayAlive } from '../support/program.ts';

process.on('SIGTERM', () => process.exit(0));
stayAlive();
mkdirSync('memory/empty', { recursive: true });
writeFileSync('job_metadata.json', '{"job":1}\n');
writeFileSync('memory/moves.csv', 'x,y,z\n1,2,3\n');
writeFileSync('memory/ünïcödé name.bin', Buffer.from([0, 255, 10, 13]));
for (let line = 1; line <= 1000; line += 1) appendFileSync('debug.log', `line ${line}\n`);
console.log('agent runs');
if (args[0] === 'leave') process.exit(0);
