#!/usr/bin/env node
// player <host> <port> <name> [<file>]: a real player (mineflayer), who is in the game until SIGTERM comes, but for as
// long as the file is there: then he goes on without it.
import { existsSync } from 'node:fs';
import { createBot } from 'mineflayer';

const [host, port, username, file] = process.argv.slice(2);
process.once('SIGTERM', () => process.exit(0));

let bot;
setInterval(() => {
  const isOut = file !== undefined && existsSync(file);
  if (isOut) bot?.end('dropped');
  if (isOut) bot = undefined;
  else bot ??= join();
}, 50);

function join() {
  const joining = createBot({ host, port: Number(port), username, auth: 'offline', version: '1.16.5' });
  joining.once('spawn', () => console.log('in the game'));
  joining.on('error', error => console.log(`error: ${error.message}`));
  return joining;
}
