#!/usr/bin/env node
// A supervisor: starts the child whose specification is in argv, tells its pid, and stays.
import { startChild } from '../../src/process/child.ts';

const child = startChild(JSON.parse(process.argv[2]));
console.log(child.pid);
