#!/usr/bin/env node
// Sweeps for the session marker in argv, which it carries itself.
import { killLeftovers } from '../../src/process/leftovers.ts';

const survivors = await killLeftovers(process.argv[2], []);
console.log(JSON.stringify(survivors));
process.exitCode = survivors.length;
