#!/usr/bin/env node
// cuberite: behaves as the Cuberite server was measured to, and no better. Tests set it up by test/support/cuberite-home.ts.
import { STAND_IN_VARIABLE } from '../support/cuberite/options.ts';
import { openOutput } from '../support/cuberite/output.ts';
import { runServer } from '../support/cuberite/server.ts';

const options = JSON.parse(process.env[STAND_IN_VARIABLE] ?? '{}');
const isOld = options.build === 'old';
const flags = process.argv.slice(2);
const unknown = flags.find(flag => isOld || flag !== '--no-output-buffering');
if (unknown !== undefined) {
  process.stderr.write(`PARSE ERROR: Argument: ${unknown}\n             Couldn't find match for argument\n`);
  process.exit(1);
}

// stdbuf says what it wants in its environment, and a library that it preloads into a C program does it.
const unbuffered = flags.length > 0 || process.env._STDBUF_O === '0';
await runServer(options, openOutput({ unbuffered }));
