#!/usr/bin/env node
// agent-names-its-experiment <id>: writes turk_experiment_id.txt, and exits with 0.
import { writeFileSync } from 'node:fs';
import { args } from '../support/program.ts';

writeFileSync('turk_experiment_id.txt', `${args[0]}\n`);
