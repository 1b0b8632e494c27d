/** @module-tag slow */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { monitorPlayers } from '../../src/minecraft/player-monitor.ts';
import { waitUntilReady } from '../../src/minecraft/readiness.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

// A real Minecraft server and a real player, as `make demo` plays them.
let folder: string;
let running: ChildProcess[] = [];
let watching: AbortController;

beforeEach(async () => {
  watching = new AbortController();
  folder = await mkdtemp(join(tmpdir(), 'demo-'));
});

afterEach(async () => {
  watching.abort();
  const left = running.filter(child => child.exitCode === null && child.signalCode === null);
  await Promise.all(left.map(child => child.kill('SIGKILL') && once(child, 'exit')));
  running = [];
  await rm(folder, { recursive: true });
});

test('the demo is played: the bot joins, digs, walks and leaves, and the server saves its world', async () => {
  const port = await freePort();
  const address = { host: 'localhost', port };
  const server = start('server', '--port', String(port));
  const ready = await waitUntilReady(address, { timeoutMs: 60_000, signal: watching.signal });
  expect(ready).toMatchObject({ version: '1.16.5', protocol: 754, online: 0, max: 10 });

  const watch = monitorPlayers(address, {
    ...{ agentPlayers: 0, joinTimeoutMs: undefined, emptyTimeoutMs: 100, livenessTimeoutMs: 60_000 },
    ...{ intervalMs: 50, signal: watching.signal },
  });
  const agent = start('agent', '--port', String(port), '--seconds', '3');
  await eventually(() => watch.people().peak === 1);
  expect(await agent.ended).toEqual([0, null]);
  expect(await watch.limit).toBe('everybody-left');
  expect(watch.people()).toMatchObject({ peak: 1 });
  expect(agent.output()).toMatch(/I have dug grass_block at/);
  expect(agent.output()).toMatch(/walked to/);

  server.child.stdin?.write('stop\n');
  expect(await server.ended).toEqual([0, null]);
  expect(server.output()).toMatch(/DemoAgent.* connected.*DemoAgent disconnected.*world saved/s);
  expect(await readdir(join(folder, 'world/region'))).toContain('r.0.0.mca');
  expect(await readdir(join(folder, 'world/playerdata'))).toHaveLength(1);
  expect(await readdir(join(folder, 'logs'))).toEqual(['latest.log']);
});

test('the demo agent says that it cannot play when there is no server', async () => {
  const agent = start('agent', '--port', String(await freePort()));
  expect(await agent.ended).toEqual([1, null]);
  expect(agent.output()).toMatch(/failed: cannot play on port \d+: .*ECONNREFUSED/);
});

test('the demo server ends with its world saved at SIGTERM, and a second one cannot take its port', async () => {
  const port = String(await freePort());
  const server = start('server', '--port', port);
  await eventually(() => server.output().includes('ready for players'));
  const second = start('server', '--port', port);
  expect(await second.ended).toEqual([1, null]);
  expect(second.output()).toMatch(/cannot serve: listen EADDRINUSE/);
  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual([0, null]);
  expect(server.output()).toMatch(/world saved/);
});

function start(program: 'server' | 'agent', ...args: string[]) {
  const file = fileURLToPath(new URL(`../../scripts/demo/${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { cwd: folder });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text;
    });
  }
  return { child, ended: once(child, 'close'), output: () => output };
}
