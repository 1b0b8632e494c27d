#!/usr/bin/env node
// systemd, as far as it runs one service: it reads units in $STAND_INS/etc, gives a service the variables of its file and
// those of $STAND_INS_ENV, and sends SIGTERM to its main process alone.
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const folder = process.env.STAND_INS ?? '';
const loaded = join(folder, 'loaded');

const COMMANDS = {
  'daemon-reload': async () => writeFileSync(loaded, ''),
  enable: ([now, name]) => {
    if (now !== '--now') throw new Error(`enable ${now}`);
    return COMMANDS.start([name]);
  },
  start: async ([name]) => {
    if (!existsSync(loaded)) throw new Error('Unit not found: daemon-reload');
    const { KillMode, ExecStart = '', WorkingDirectory, EnvironmentFile } = settingsOf(unit(name));
    // Otherwise each process of the service is ended with it.
    if (KillMode !== 'process') throw new Error(`KillMode=${KillMode}: sessions would end with the manager`);
    const [file, ...args] = ExecStart.split(' ');
    if (!file?.startsWith('/')) throw new Error(`ExecStart=${ExecStart}: no absolute path`);
    const log = openSync(join(folder, 'journal'), 'a');
    const child = spawn(file, args, {
      cwd: WorkingDirectory,
      env: {
        PATH: process.env.PATH,
        ...JSON.parse(process.env.STAND_INS_ENV ?? '{}'),
        ...settingsOf(join(folder, EnvironmentFile)),
      },
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    writeFileSync(pidFile(name), `${child.pid}`);
  },
  stop: async ([name]) => {
    const pid = Number(readFileSync(pidFile(name), 'utf8'));
    process.kill(pid, 'SIGTERM');
    while (existsSync(`/proc/${pid}/exe`)) await setTimeout(20);
    rmSync(pidFile(name));
  },
};

const [verb, ...words] = process.argv.slice(2);
if (!(verb in COMMANDS)) throw new Error(`systemctl ${verb}: no such command`);
await COMMANDS[verb](words);

function unit(name) {
  return join(folder, 'etc/systemd/system', `${name}.service`);
}

function pidFile(name) {
  return join(folder, `${name}.pid`);
}

/** The lines `NAME=value` of a file. */
function settingsOf(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap(line => [/^(\w+)=(.*)$/.exec(line)?.slice(1) ?? []]).filter(([name]) => name),
  );
}
