#!/usr/bin/env node
// Obeys `stop` as Cuberite does: the players go first, it exits half a second later, and its port is open until then.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { settings } from '../support/program.ts';
import { serveStatus } from '../support/status-server.ts';

await serveStatus({ online: () => 1 }, Number(settings.port));
createInterface({ input: process.stdin }).on('line', async line => {
  if (line !== 'stop') return;
  console.log('goodbye');
  while (!readFileSync('agent.log', 'utf8').includes('leaves')) await setTimeout(10);
  await setTimeout(500);
  process.exit(0);
});
