#!/usr/bin/env node
// agent-joins <behaviour>: joins the game at --port, and stays; once somebody else plays (the file `played` is there) it
// drops-out, comes-back, joins-late or never-joins instead, or is-stopped. Then it logs that.
import { existsSync } from 'node:fs';
import { joinGame } from '../support/player.ts';
import { args, settings, stayAlive } from '../support/program.ts';

const [behaviour = 'stays'] = args;
const port = Number(settings.port);
let connection = behaviour === 'joins-late' || behaviour === 'never-joins' ? undefined : joinGame(port);

function misbehave() {
  if (behaviour === 'drops-out') connection?.destroy();
  if (behaviour === 'joins-late') connection = joinGame(port);
  if (behaviour === 'comes-back') {
    connection?.destroy();
    connection = joinGame(port);
  }
  console.log(behaviour);
  if (behaviour === 'is-stopped') process.kill(process.pid, 'SIGSTOP');
}

const waiting = setInterval(() => {
  if (!existsSync('played')) return;
  clearInterval(waiting);
  misbehave();
}, 20);
stayAlive();
