#!/usr/bin/env node
// server-crashes-beside-agent <code|signal>: once the agent, whose log is in the same folder, has said something.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { playGame } from '../support/game.ts';
import { args, crash } from '../support/program.ts';

await playGame();
while (readFileSync('agent.log', { encoding: 'utf8', flag: 'a+' }) === '') await setTimeout(10);
crash(args[0]);
