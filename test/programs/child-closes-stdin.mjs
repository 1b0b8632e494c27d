#!/usr/bin/env node
// Closes its stdin, and lives on.
import { closeSync } from 'node:fs';

closeSync(0);
setInterval(() => undefined, 60_000);
console.log('ready');
