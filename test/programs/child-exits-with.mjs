#!/usr/bin/env node
// Exits at once with the code of argv.
process.exitCode = Number(process.argv[2]);
