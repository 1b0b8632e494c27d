#!/usr/bin/env node
// agent-takes-commands: serves the dashboard at MCDASHBOARD_PORT to one worker, as the crowd-sourcing agent does: each
// command that is posted becomes a line of nsp_outputs.csv. It leaves when its worker has, and exits with 0.
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

process.on('SIGTERM', () => process.exit(0));
writeFileSync('nsp_outputs.csv', 'command|action_dict|source|agent|time\n');
writeFileSync('error_details.csv', 'command|action_dict|time\n');
writeFileSync('job_metadata.json', '{"batch_id": 1}\n');
writeFileSync('interaction_loggings_6e0f1c.json', '[]\n');
const server = createServer(async (request, response) => {
  if (request.method === 'POST') {
    appendFileSync('nsp_outputs.csv', `${await text(request)}|{}|NSP|craftassist|1\n`);
    request.socket.on('close', () => process.exit(0));
  }
  response.end('dashboard');
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.MCDASHBOARD_PORT), () => console.log('agent serves a worker'));
