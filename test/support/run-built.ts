#!/usr/bin/env node
/**
 * Runs a program that starts supervisors again and again, with the bundles in place of the sources: run-built.ts
 * <program> [its arguments].
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setup } from './build.ts';

const removeBuild = await setup();
// A terminal's Ctrl-C reaches the program itself; the build is removed after it.
process.on('SIGINT', () => undefined);
const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' });
process.on('SIGTERM', signal => child.kill(signal));
const [code] = await once(child, 'close');
await removeBuild();
process.exitCode = code ?? 1;
