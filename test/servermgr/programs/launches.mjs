#!/usr/bin/env node
// launches <settings> <options> <request>, each as JSON: launches one session of this machine, as a manager does.
import { pino } from 'pino';
import { openLocal } from '../../../src/servermgr/launchers/local/local.ts';

const [settings, options, request] = process.argv.slice(2).map(text => JSON.parse(text));
await openLocal(settings, { ...options, log: pino({ level: 'silent' }) }).launch(request);
process.exit(0);
