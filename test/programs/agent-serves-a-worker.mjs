#!/usr/bin/env node
// agent-serves-a-worker [leave] [experiment]: writes what an agent writes for somebody at its dashboard, and what names
// the experiment; then it runs until SIGTERM, or leaves when its worker has, and exits with 0.
import { writeFileSync } from 'node:fs';
import { args, stayAlive } from '../support/program.ts';

process.on('SIGTERM', () => process.exit(0));
stayAlive();
const [how, experiment] = args;
if (experiment !== undefined) writeFileSync('turk_experiment_id.txt', `${experiment}\n`);
writeFileSync(
  'nsp_outputs.csv',
  'command|action_dict|source|agent|time\nbuild a house|{}|NSP|craftassist|1\n',
);
writeFileSync('error_details.csv', 'command|action_dict|time\n');
writeFileSync('job_metadata.json', '{"batch_id": 1}\n');
writeFileSync('interaction_loggings_6e0f1c.json', '[]\n');
console.log('agent serves a worker');
if (how === 'leave') process.exit(0);
