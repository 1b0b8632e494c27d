#!/usr/bin/env node
// server-saves-slowly <ms>: takes so long to stop, whatever signals it hears meanwhile.
import { setTimeout } from 'node:timers/promises';
import { playGame, saveAndExit } from '../support/game.ts';
import { args } from '../support/program.ts';

process.stdin.on('data', async data => {
  if (!`${data}`.startsWith('stop')) return;
  await setTimeout(Number(args[0]));
  await saveAndExit();
});
await playGame({ obeys: false });
