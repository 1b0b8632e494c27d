#!/usr/bin/env node
// agent-exits <code> <ms>: after so long.
import { setTimeout } from 'node:timers/promises';
import { args, crash } from '../support/program.ts';

console.log('agent runs');
await setTimeout(Number(args[1] ?? 0));
crash(args[0] ?? '0');
