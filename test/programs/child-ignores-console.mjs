#!/usr/bin/env node
// Never reads its stdin; ends on SIGTERM.
setInterval(() => undefined, 60_000);
console.log('ready');
