#!/usr/bin/env node
// Exits with 0 when the server, whose log is in the same folder, says goodbye.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

console.log('agent runs');
while (!readFileSync('cuberite_process.log', 'utf8').includes('goodbye')) await setTimeout(10);
console.log('agent leaves');
