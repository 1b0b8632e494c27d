/** @module-tag slow */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ping } from '../../src/minecraft/ping.ts';
import { waitUntilReady } from '../../src/minecraft/readiness.ts';
import { killAllIn } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

// The programs that other tests take at their word.
const patience = { timeoutMs: 20_000, signal: new AbortController().signal };
let folder: string;
let port: number;
let running: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'programs-'));
  port = await freePort();
});

afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
  await killAllIn(folder);
  await rm(folder, { recursive: true });
});

describe('a server that', () => {
  test.each([
    ['stop on its console', (child: ChildProcess) => child.stdin?.write('stop\n')],
    ['SIGTERM', (child: ChildProcess) => child.kill('SIGTERM')],
  ])('is ready counts its players, talks, and saves its world at %s', async (_, stop) => {
    const server = start('server-ready');
    expect(await ready()).toMatchObject({ online: 0 });
    server.child.stdin?.write('players 3\n');
    server.child.stdin?.write('say hello all\n');
    await eventually(async () => (await status()).online === 3);
    await eventually(() => server.output().includes('[say] hello all'));
    stop(server.child);
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(existsSync(join(folder, 'world/saved'))).toBe(true);
  });

  test.each([
    ['server-late', '50'],
    ['server-floods-log', '1'],
  ])('%s is ready all the same', async (name, ...args) => {
    start(name, ...args);
    await ready();
  });

  test('server-floods-log writes what it was told to', async () => {
    const server = start('server-floods-log', '2');
    await eventually(() => server.output().includes('flood over'));
    expect(server.output().length).toBeGreaterThan(2 * 1024 * 1024);
  });

  test.each([
    ['server-never', /starting for ever/, /connection refused/, patience],
    ['server-accepts-but-never-answers', /listening/, /no answer within/, { ...patience, timeoutMs: 200 }],
  ])('%s lives and is not ready', async (name, said, fault, limits) => {
    const server = start(name);
    await eventually(() => said.test(server.output()));
    await expect(ping({ host: '127.0.0.1', port }, limits)).rejects.toThrow(fault);
  });

  test.each([
    ['server-crashes-after-ready', '7', { code: 7, signal: null }],
    ['server-crashes-after-ready', 'SIGABRT', { code: null, signal: 'SIGABRT' }],
  ])('%s %s is ready first', async (name, how, end) => {
    const server = start(name, how, '0');
    await ready();
    expect(await server.ended).toEqual(end);
  });

  test('server-crashes-beside-agent is ready, and crashes when the agent has spoken', async () => {
    const server = start('server-crashes-beside-agent', 'SIGABRT');
    await ready();
    await writeFile(join(folder, 'agent.log'), 'agent runs\n');
    expect(await server.ended).toEqual({ code: null, signal: 'SIGABRT' });
  });

  test('server-exits-early ends with its code', async () => {
    expect(await start('server-exits-early', '4').ended).toEqual({ code: 4, signal: null });
  });

  test('server-ignores-sigterm goes on after stop and SIGTERM', async () => {
    const server = start('server-ignores-sigterm');
    await ready();
    server.child.stdin?.write('stop\n');
    server.child.kill('SIGTERM');
    await eventually(() => server.output().includes('heard SIGTERM'));
    await status();
    expect(server.child.exitCode).toBeNull();
    expect(existsSync(join(folder, 'world/saved'))).toBe(false);
  });

  test('server-hangs answers first, then never again, and lives', async () => {
    const server = start('server-hangs', '0');
    await ready();
    await eventually(() =>
      expect(quickStatus())
        .rejects.toThrow(/no answer/)
        .then(() => true),
    );
    expect(server.child.exitCode).toBeNull();
  });

  test('server-exits-when-player-leaves saves nothing', async () => {
    const server = start('server-exits-when-player-leaves');
    await ready();
    server.child.stdin?.write('players 1\n');
    server.child.stdin?.write('players 0\n');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(existsSync(join(folder, 'world/saved'))).toBe(false);
  });

  test('server-follows-file counts as the file says', async () => {
    start('server-follows-file', 'people.txt');
    expect(await ready()).toMatchObject({ online: 0 });
    await writeFile(join(folder, 'people.txt'), '5\n');
    expect(await status()).toMatchObject({ online: 5 });
  });
});

describe('an agent that', () => {
  test.each([
    ['agent-exits', '3', { code: 3, signal: null }],
    ['agent-crashes', 'SIGSEGV', { code: null, signal: 'SIGSEGV' }],
  ])('%s %s ends so', async (name, how, end) => {
    expect(await start(name, how, '0').ended).toEqual(end);
  });

  test.each(['agent-runs', 'agent-writes-files'])('%s ends with 0 at SIGTERM', async name => {
    const agent = start(name);
    await eventually(() => agent.output().includes('agent runs'));
    agent.child.kill('SIGTERM');
    expect(await agent.ended).toEqual({ code: 0, signal: null });
    if (name === 'agent-writes-files') {
      expect(await readdir(folder)).toEqual(['debug.log', 'job_metadata.json', 'memory']);
    }
  });

  test('agent-ignores-sigterm hears it and goes on', async () => {
    const agent = start('agent-ignores-sigterm');
    await eventually(() => agent.output().includes('agent runs'));
    agent.child.kill('SIGTERM');
    await eventually(() => agent.output().includes('agent heard SIGTERM'));
    expect(agent.child.exitCode).toBeNull();
  });

  test('agent-follows-server fails when its server goes', async () => {
    const server = start('server-ready');
    await ready();
    const agent = start('agent-follows-server');
    await eventually(() => agent.output().includes('agent runs'));
    server.child.kill('SIGTERM');
    expect(await agent.ended).toEqual({ code: 1, signal: null });
  });
});

test.each(['server-forks-daemon', 'agent-forks-daemon'])('%s leaves a daemon behind', async name => {
  const program = start(name);
  const daemon = Number(await eventually(() => /daemon (\d+)/.exec(program.output())?.[1]));
  await eventually(() => /listening|agent runs/.test(program.output()));
  program.child.kill('SIGTERM');
  await program.ended;
  expect(process.kill(daemon, 'SIGTERM')).toBe(true);
  expect(process.kill(daemon, 0)).toBe(true);
});

interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  output(): string;
}

function start(name: string, ...args: string[]): Program {
  const file = fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args, '--port', String(port)], { cwd: folder });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text;
    });
  }
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  const program = { child, ended, output: () => output };
  running.push(program);
  return program;
}

function ready() {
  return eventually(() => waitUntilReady({ host: '127.0.0.1', port }, patience));
}

function status() {
  return ping({ host: '127.0.0.1', port }, patience);
}

function quickStatus() {
  return ping({ host: '127.0.0.1', port }, { ...patience, timeoutMs: 300 });
}
