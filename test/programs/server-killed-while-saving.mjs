#!/usr/bin/env node
// Is killed as soon as it is told to stop, as by the kernel for want of memory.
import { playGame } from '../support/game.ts';

process.stdin.on('data', data => {
  if (`${data}`.startsWith('stop')) process.kill(process.pid, 'SIGKILL');
});
await playGame({ obeys: false });
