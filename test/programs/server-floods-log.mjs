#!/usr/bin/env node
// server-floods-log <MiB>: writes so much to its log as fast as it goes, and answers pings meanwhile.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { playGame } from '../support/game.ts';
import { args } from '../support/program.ts';

await playGame();
const line = `${'flood '.repeat(170)}....\n`;
for (let kibibytes = 1024 * Number(args[0] ?? 16); kibibytes > 0; kibibytes -= 1) {
  if (!process.stdout.write(line)) await once(process.stdout, 'drain');
  if (kibibytes % 64 === 0) await setImmediate();
}
console.log('flood over');
