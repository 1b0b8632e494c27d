#!/usr/bin/env node
// server-late <ms>: listens only after so long.
import { setTimeout } from 'node:timers/promises';
import { playGame } from '../support/game.ts';
import { args } from '../support/program.ts';

await setTimeout(Number(args[0]));
await playGame();
