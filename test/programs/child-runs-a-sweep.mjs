#!/usr/bin/env node
// Sweeps for the session marker in argv, which it carries itself.
import { killSurvivors } from '../../src/process/leftovers.ts';

const survivors = await killSurvivors(process.argv[2], []);
console.log(JSON.stringify(survivors));
process.exitCode = survivors.length;
