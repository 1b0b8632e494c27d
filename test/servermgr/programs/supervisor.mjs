#!/usr/bin/env node
// A supervisor's outside: the game port answers, and the dashboard's if it is given one; SIGTERM ends it, archive and
// report are saved. As it is told: --late <ms>: the port opens only then; --never: it does not; --dashboard-on-demand:
// the dashboard is there while a file `dashboard` is in the working directory; --crash: exits with 10 and its last words
// at once; --unsaved: ends without a report; --saving: a stop is heard, and saving takes for ever, unless a second
// SIGTERM aborts it; --family: it has a child, and a daemon that is nobody's child. `recover [--force] <url>` leaves a file
// that says so; where a file `recovery-gate` is in the session's folder, it waits at 42 % until that says `go` or `fail`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { serveStatus } from '../../support/status-server.ts';
import { servePage } from '../support/page-server.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    late: { type: 'string' },
    never: { type: 'boolean' },
    'dashboard-on-demand': { type: 'boolean' },
    crash: { type: 'boolean' },
    unsaved: { type: 'boolean' },
    saving: { type: 'boolean' },
    family: { type: 'boolean' },
    force: { type: 'boolean' },
  },
});

const dashboardPort = Number(process.env.MCDASHBOARD_PORT);
let dashboard;

if (positionals[0] === 'recover') await recover(new URL(positionals[1]), values.force);
else if (values.crash) crash();
else await play();

async function recover(url, force) {
  const folder = fileURLToPath(url);
  const apart = join(dirname(folder), '.sessions', basename(folder));
  const gate = join(apart, 'recovery-gate');
  const says = () => (existsSync(gate) ? readFileSync(gate, 'utf8') : 'go');
  if (says() !== 'go')
    console.log(JSON.stringify({ event: 'archive_progress', bytesRead: 42, ofBytes: 100 }));
  while (!['go', 'fail'].includes(says())) await new Promise(resolve => setTimeout(resolve, 20));
  if (says() === 'fail') {
    console.error('the disk <full> is full');
    process.exit(1);
  }
  for (const each of [folder, apart]) mkdirSync(each, { recursive: true });
  const archive = { key: `${decodeURI(basename(url.pathname))}/logs.tar.gz`, bytes: 9 };
  const now = new Date().toISOString();
  const report = { saved: 'archive', recovered: true, recoveredAt: now, coveredUntil: now, archive };
  writeFileSync(join(apart, 'session.json'), JSON.stringify(report));
  rmSync(join(apart, 'journal'), { recursive: true, force: true });
  writeFileSync(join(folder, 'environment.json'), JSON.stringify(process.env));
  // Last: whoever has read it may take the folder away.
  writeFileSync(join(folder, 'recovered'), force ? 'by force' : 'yes');
}

function crash() {
  console.error('SESSION_AGENT_COMMAND "" names no program');
  process.exitCode = 10;
}

async function play() {
  const { SESSION_WORKDIR: workdir, SESSION_SERVER_ADDRESS: address } = process.env;
  let terms = 0;
  process.on('SIGTERM', () => {
    terms += 1;
    if (terms > 1) process.exit(143);
    if (!values.saving) end('SIGTERM was received', 'signal');
  });
  process.on('SIGURG', () => values.saving || end('SIGURG was received', 'signal'));
  const family = ['/bin/sh', '-c', '(setsid sleep 600 &); sleep 600'];
  if (values.family) spawn(family[0], family.slice(1), { detached: true, stdio: 'ignore' });
  // A file `end` in the working directory ends the session by itself.
  watch(workdir, () => {
    if (existsSync(join(workdir, 'end'))) end('everybody had left', 'everybody-left');
    if (dashboardPort && values['dashboard-on-demand']) showDashboard(existsSync(join(workdir, 'dashboard')));
  });
  if (dashboardPort && !values['dashboard-on-demand']) showDashboard(true);
  setTimeout(() => process.exit(), 600_000);
  // Last: whoever has read it may act at once.
  writeFileSync(join(workdir, 'environment.json'), JSON.stringify(process.env));
  if (values.never) return;
  const online = () => Number(readFileSync(join(workdir, 'online'), { encoding: 'utf8', flag: 'a+' }) || 1);
  setTimeout(() => serveStatus({ online }, Number(address.split(':')[1])), Number(values.late ?? 0));
}

async function showDashboard(wanted) {
  if (wanted) dashboard ??= servePage(dashboardPort);
  else {
    (await dashboard)?.close();
    dashboard = undefined;
  }
}

let ending = false;

function end(text, by) {
  if (ending) return;
  ending = true;
  const { SESSION_DESTINATION: destination, TIMESTAMP: name } = process.env;
  const [folder, apart] = [join(destination, name), join(destination, '.sessions', name)];
  for (const each of [folder, apart]) mkdirSync(each, { recursive: true });
  writeFileSync(join(apart, 'claim.json'), '{}');
  if (values.unsaved) {
    mkdirSync(join(apart, 'journal'));
    writeFileSync(join(apart, 'journal', '00000001.tar.gz'), 'a segment');
    process.exit(21);
  }
  const archive = Buffer.from('an archive');
  writeFileSync(join(folder, 'logs.tar.gz'), archive);
  const report = {
    end: { by, text },
    saved: 'archive',
    exitCode: 0,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    endedAt: new Date().toISOString(),
    people: { peak: 1 },
    archive: { key: `${name}/logs.tar.gz`, bytes: archive.length },
  };
  writeFileSync(join(apart, 'session.json'), JSON.stringify(report));
  process.exit(0);
}
