#!/usr/bin/env node
// Holds a connection to the server at --port, and exits with 1 when it is closed; with 0 at SIGTERM.
import { connect } from 'node:net';
import { settings } from '../support/program.ts';

process.on('SIGTERM', () => process.exit(0));
connect(Number(settings.port), '127.0.0.1')
  .on('connect', () => console.log('agent runs'))
  .on('error', error => console.log(`agent lost its server: ${error.message}`))
  .on('close', () => process.exit(1))
  .resume();
