#!/usr/bin/env node
// Writes numbered, timestamped lines into agent.log and into a log that is rotated, and replaces a file of one letter.
import { appendFileSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.'] = process.argv.slice(2);
const at = name => join(folder, name);
let n = 0;
setInterval(() => {
  n += 1;
  const line = `${n} ${Date.now()} ${'.'.repeat(n % 200)}\n`;
  appendFileSync(at('agent.log'), line);
  appendFileSync(at('rotated.log'), line);
  if (n % 100 === 0) {
    if (existsSync(at('rotated.log.1'))) renameSync(at('rotated.log.1'), at('rotated.log.2'));
    renameSync(at('rotated.log'), at('rotated.log.1'));
  }
  if (n % 10 === 0) {
    writeFileSync(at('state.tmp'), String.fromCharCode(97 + ((n / 10) % 26)).repeat(100_000));
    renameSync(at('state.tmp'), at('state'));
  }
}, 2);
