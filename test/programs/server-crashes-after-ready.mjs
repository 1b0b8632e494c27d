#!/usr/bin/env node
// server-crashes-after-ready <code|signal> <ms>: so long after its first answer.
import { setTimeout } from 'node:timers/promises';
import { playGame } from '../support/game.ts';
import { args, crash } from '../support/program.ts';

const game = await playGame();
await game.pinged;
await setTimeout(Number(args[1] ?? 0));
crash(args[0]);
