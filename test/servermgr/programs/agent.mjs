#!/usr/bin/env node
// agent.mjs --port N: a real player that joins and stands still until SIGTERM, with a dashboard where it is told one.
import { createClient } from 'minecraft-protocol';
import { settings } from '../../support/program.ts';
import { servePage } from '../support/page-server.ts';

if (process.env.MCDASHBOARD_PORT) await servePage(Number(process.env.MCDASHBOARD_PORT));
process.on('SIGTERM', () => process.exit(0));
createClient({
  host: '127.0.0.1',
  port: Number(settings.port),
  username: 'Agent',
  version: '1.16.5',
  auth: 'offline',
})
  .on('error', error => console.log(`the agent has lost its server: ${error.message}`))
  .on('end', () => process.exit(1));
