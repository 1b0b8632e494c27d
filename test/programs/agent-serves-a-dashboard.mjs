#!/usr/bin/env node
// agent-serves-a-dashboard <port>: answers every request, and keeps the connections.
import { createServer } from 'node:http';
import { args } from '../support/program.ts';

const server = createServer((_, response) => response.end('dashboard'));
server.keepAliveTimeout = 600_000;
server.listen(Number(args[0]));
