#!/usr/bin/env node
// Ignores every polite signal; ten minutes later it ends, whoever has forgotten it.
import { stayAlive } from '../support/program.ts';

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
stayAlive();
console.log(`daemon ${process.pid}`);
process.send?.('ready');
