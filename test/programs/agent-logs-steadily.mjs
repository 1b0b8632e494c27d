#!/usr/bin/env node
// agent-logs-steadily <bytes a second>: writes numbered, timestamped lines into steady.log, until it is killed.
import { appendFileSync } from 'node:fs';
import { args } from '../support/program.ts';

const TIMES_A_SECOND = 20;
let line = 0;
setInterval(() => {
  const lines = [];
  for (let bytes = 0; bytes < Number(args[0]) / TIMES_A_SECOND; bytes += lines.at(-1).length) {
    line += 1;
    lines.push(`${line} ${Date.now()} the agent has moved to ${line % 611}, ${line % 67}, ${line % 97}\n`);
  }
  appendFileSync('steady.log', lines.join(''));
}, 1_000 / TIMES_A_SECOND);
