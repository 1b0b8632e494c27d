#!/usr/bin/env node
// Leaves a daemon behind, in a session of its own; runs until SIGTERM, and exits with 0.
import { forkDaemon, stayAlive } from '../support/program.ts';

process.on('SIGTERM', () => process.exit(0));
stayAlive();
await forkDaemon();
console.log('agent runs');
