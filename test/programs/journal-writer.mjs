#!/usr/bin/env node
// Writes numbered, timestamped lines into agent.log and into a log that is rotated, replaces a file of one letter, and
// numbers one block of a region file after the other.
import { appendFileSync, existsSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.'] = process.argv.slice(2);
const at = name => join(folder, name);
let n = 0;
writeFileSync(at('region'), Buffer.alloc(50 * 4096));
const region = openSync(at('region'), 'r+');
setInterval(() => {
  n += 1;
  const line = `${n} ${Date.now()} ${'.'.repeat(n % 200)}\n`;
  appendFileSync(at('agent.log'), line);
  appendFileSync(at('rotated.log'), line);
  if (n % 100 === 0) {
    if (existsSync(at('rotated.log.1'))) renameSync(at('rotated.log.1'), at('rotated.log.2'));
    renameSync(at('rotated.log'), at('rotated.log.1'));
  }
  if (n % 5 === 0) writeSync(region, Buffer.alloc(4096, `${n / 5} `), 0, 4096, ((n / 5) % 50) * 4096);
  if (n % 10 === 0) {
    writeFileSync(at('state.tmp'), String.fromCharCode(97 + ((n / 10) % 26)).repeat(100_000));
    renameSync(at('state.tmp'), at('state'));
  }
}, 2);
