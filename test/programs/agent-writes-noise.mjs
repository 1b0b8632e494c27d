#!/usr/bin/env node
// agent-writes-noise <MiB>: leaves a file that cannot be compressed, and exits with 0.
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { args } from '../support/program.ts';

for (let mib = 0; mib < Number(args[0]); mib += 1) appendFileSync('noise.bin', randomBytes(1024 * 1024));
