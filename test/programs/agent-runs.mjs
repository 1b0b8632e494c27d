#!/usr/bin/env node
// Runs until SIGTERM, and exits with 0.
import { stayAlive } from '../support/program.ts';

process.on('SIGTERM', () => process.exit(0));
stayAlive();
console.log('agent runs');
