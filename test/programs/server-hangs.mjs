#!/usr/bin/env node
// server-hangs <ms>: goes silent so long after its first answer, and lives on.
import { setTimeout } from 'node:timers/promises';
import { playGame } from '../support/game.ts';
import { args } from '../support/program.ts';

const game = await playGame();
await game.pinged;
await setTimeout(Number(args[0] ?? 0));
game.answers = false;
