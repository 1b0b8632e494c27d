#!/usr/bin/env node
// Leaves a daemon behind, in a session of its own.
import { playGame } from '../support/game.ts';
import { forkDaemon } from '../support/program.ts';

await forkDaemon();
await playGame();
