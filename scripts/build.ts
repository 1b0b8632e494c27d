#!/usr/bin/env node
// Bundles the supervisor into one file that needs Node and nothing else: dist/craftassist-session.mjs.
import { bundle } from './bundle.ts';

const output = 'dist/craftassist-session.mjs';
await bundle('src/main.ts', output);
process.stdout.write(`${output}\n`);
