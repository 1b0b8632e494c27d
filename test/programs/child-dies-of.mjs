#!/usr/bin/env node
// Dies of the signal of argv, as a crash would have it.
process.kill(process.pid, process.argv[2]);
