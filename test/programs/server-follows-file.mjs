#!/usr/bin/env node
// server-follows-file <file>: as many players are online as the file says; none while there is no file.
import { existsSync, readFileSync } from 'node:fs';
import { playGame } from '../support/game.ts';
import { args } from '../support/program.ts';

const file = args[0] ?? 'players';
await playGame({ online: () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0) });
