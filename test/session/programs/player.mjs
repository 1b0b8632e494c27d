#!/usr/bin/env node
// player <host> <port> <name> [<file>]: a real player (mineflayer), who is in the game until SIGTERM comes. Once the
// file is there he drops out of the game, and goes on without it.
import { existsSync } from 'node:fs';
import { createBot } from 'mineflayer';

const [host, port, username, file] = process.argv.slice(2);
const bot = createBot({ host, port: Number(port), username, auth: 'offline', version: '1.16.5' });
bot.once('spawn', () => console.log('in the game'));
bot.on('error', error => console.log(`error: ${error.message}`));
process.once('SIGTERM', () => process.exit(0));

let isIn = true;
setInterval(() => {
  if (!isIn || file === undefined || !existsSync(file)) return;
  isIn = false;
  bot.end('dropped');
  console.log('dropped out');
}, 50);
