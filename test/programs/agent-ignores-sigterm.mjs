#!/usr/bin/env node
// Runs, and is deaf to SIGTERM.
import { stayAlive } from '../support/program.ts';

process.on('SIGTERM', () => console.log('agent heard SIGTERM'));
stayAlive();
console.log('agent runs');
