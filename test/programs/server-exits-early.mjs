#!/usr/bin/env node
// server-exits-early <code>: before it ever listened.
import { args, crash } from '../support/program.ts';

console.log("Couldn't open any ports. Aborting the server");
crash(args[0]);
