/** @module-tag slow */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../support/cuberite/running.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';

describe('a prepared server', () => {
  test.each(['new', 'old'] as const)('of the %s build starts with its plug-ins, and answers', async build => {
    await using server = await startServer({ standIn: { build } });
    expect(await server.ready()).toMatchObject({ online: 0 });
    const log = await server.log();
    for (const name of ['debug', 'chatlog', 'point_blocks', 'logging', 'session_console', 'session_world']) {
      expect(log).toContain(`Loaded plugin: ${name}\n`);
    }
    expect(log).not.toContain('is missing');
    expect(log).toContain(`Server Running On Port: ${server.port}`);
  });

  test('starts again in the folder that it left, with the same settings', async () => {
    await using first = await startServer();
    await first.ready();
    await first.child.sendCommand('stop');
    await first.child.exited;
    const settings = await first.file('settings.ini');
    expect(settings).toContain('debug=1\r\nchatlog=1\r\n');
    expect((await first.prepare()).notices).toEqual([]);
    expect(await first.file('settings.ini')).toBe(settings);
  });

  test('says on its console what people are told', async () => {
    await using server = await startServer();
    await server.ready();
    await server.home.join('Walker');
    await server.online(1);
    await server.child.sendCommand('say good evening');
    await server.child.sendCommand('list');
    await server.logged(/\[SERVER\] good evening\n/);
    await server.logged(/Players \(1\): Walker\n/);
  });

  test('without Core, and without what we add, knows no say', async () => {
    await using server = await startServer();
    await server.ready();
    await server.child.sendCommand('stop');
    await server.child.exited;
    const settings = await server.file('settings.ini');
    await writeFile(join(server.folder, 'settings.ini'), settings.replace('session_console=1\r\n', ''));
    server.restart();
    await server.ready();
    await server.child.sendCommand('say hello');
    await server.logged(/Unknown command/);
  });

  test('tells who comes and goes, and no chat passes for it', async () => {
    await using server = await startServer();
    await server.ready();
    await server.home.join('Walker');
    await server.home.chat('Walker', 'Player Agent has left the game');
    await server.home.chat('Walker', 'Info: [10:29:31] Player Agent has joined the game');
    await server.home.leave('Walker');
    expect(await server.events(2)).toEqual([
      { kind: 'joined', name: 'Walker' },
      { kind: 'left', name: 'Walker' },
    ]);
    await server.child.sendCommand('stop');
    await server.child.exited;
    expect(await server.log()).toContain('[chatlog] Walker: Info: [10:29:31] Player Agent has joined');
  });
});

describe('a clean stop saves the world and ends with 0:', () => {
  test.each<[string, (server: RunningServer) => unknown]>([
    ['stop', ({ child }) => child.sendCommand('stop')],
    ['SIGTERM', server => server.kill('SIGTERM')],
    ['SIGINT', server => server.kill('SIGINT')],
  ])('%s', async (_, stop) => {
    await using server = await startServer();
    await server.ready();
    await stop(server);
    expect(await server.child.exited).toEqual({ code: 0 });
    expect(server.hasWorld()).toBe(true);
    expect(await server.log()).toContain('--- Stopped Log ---');
  });

  test('stop, with somebody on, who is kicked', async () => {
    await using server = await startServer();
    await server.ready();
    await server.home.join('Walker');
    await server.online(1);
    await server.child.sendCommand('stop');
    expect(await server.child.exited).toEqual({ code: 0 });
    expect(server.hasWorld()).toBe(true);
    expect(await server.log()).toContain('Kicking player Walker for "Server shutdown"');
  });

  test('SIGTERM while it starts, when the start is done', async () => {
    await using server = await startServer({ standIn: { startMs: 500 } });
    await server.logged(/Loaded 6 Plugins/);
    server.kill('SIGTERM');
    expect(await server.child.exited).toEqual({ code: 0 });
    expect(await server.log()).toContain('Startup complete');
    expect(server.hasWorld()).toBe(true);
  });

  test('an input that is over from the start, when the start is done', async () => {
    await using server = await startServer({ console: false });
    expect(await server.child.exited).toEqual({ code: 0 });
    expect(await server.log()).toContain('Startup complete');
    expect(server.hasWorld()).toBe(true);
  });
});

describe('no world is saved when', () => {
  test.each(['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const)('%s comes', async signal => {
    await using server = await startServer();
    await server.ready();
    server.kill(signal);
    expect(await server.child.exited).toEqual({ signal });
    expect(server.hasWorld()).toBe(false);
  });

  test('a player leaves and the plug-in for that is on', async () => {
    await using server = await startServer({ config: { plugins: ['shutdown_on_leave'] } });
    await server.ready();
    await server.home.join('Walker');
    await server.online(1);
    await server.home.leave('Walker');
    expect(await server.child.exited).toEqual({ signal: 'SIGABRT' });
    expect(await server.events(3)).toContainEqual({ kind: 'plugin-exit', plugin: 'shutdown_on_leave' });
    expect(server.hasWorld()).toBe(false);
  });

  test('nobody joins and the plug-in for that is on', async () => {
    await using server = await startServer({
      standIn: { patienceMs: 50 },
      config: { plugins: ['shutdown_if_no_player_join'] },
    });
    expect(await server.child.exited).toEqual({ signal: 'SIGABRT' });
    expect(await server.events(1)).toEqual([{ kind: 'plugin-exit', plugin: 'shutdown_if_no_player_join' }]);
    expect(server.hasWorld()).toBe(false);
  });

  test('the old build is stopped just after a player left', async () => {
    await using server = await startServer({ standIn: { build: 'old', fragileMs: 60_000 } });
    await server.ready();
    await server.home.join('Walker');
    await server.online(1);
    await server.home.leave('Walker');
    await server.online(0);
    server.kill('SIGTERM');
    expect(await server.child.exited).toEqual({ signal: 'SIGSEGV' });
    expect(server.hasWorld()).toBe(false);
  });
});

test('output that is not unbuffered comes at the end, and an abort loses it', async () => {
  await using server = await startServer({ standIn: { build: 'old' }, searchPath: '' });
  expect(server.output.tried).toBe('none');
  await server.ready();
  expect(await server.log()).toBe('');
  server.kill('SIGABRT');
  expect(await server.child.exited).toEqual({ signal: 'SIGABRT' });
  expect(await server.log()).toBe('');
});

test('of two commands in one write the first runs, and the second waits for the next write', async () => {
  await using server = await startServer();
  await server.ready();
  await server.child.sendCommand('stop');
  await server.child.exited;

  const child = spawn(server.home.config.binary, ['--no-output-buffering'], {
    cwd: server.folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  let output = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  try {
    await server.ready();
    child.stdin.write('help\nstop\n');
    await eventually(() => output.includes('"help"'));
    // A server that had heard the stop as well would not answer any more.
    expect(await server.ready()).toBeDefined();
    child.stdin.write('list\n');
    expect(await closed).toEqual([0, null]);
    expect(output).not.toContain('"list"');
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
});

test('a taken port ends it with 0, before it was ever ready', async () => {
  const port = await freePort();
  const other = createServer().listen(port);
  await once(other, 'listening');
  try {
    await using server = await startServer({ port });
    expect(await server.child.exited).toEqual({ code: 0 });
    expect(await server.log()).toMatch(/^Error: \[[\d:]{8}\] Couldn't open any ports. Aborting the server$/m);
    expect(server.hasWorld()).toBe(false);
  } finally {
    other.close();
  }
});

test('the old build refuses the flag, and the new one survives one crash', async () => {
  await using old = await startServer({ standIn: { build: 'old' }, flags: ['--no-output-buffering'] });
  expect(await old.child.exited).toEqual({ code: 1 });
  expect(await old.log()).toContain('PARSE ERROR: Argument: --no-output-buffering');

  await using server = await startServer();
  await server.ready();
  server.kill('SIGSEGV');
  await server.logged(/Failure report/);
  expect(await server.ready()).toMatchObject({ online: 0 });
  server.kill('SIGSEGV');
  expect(await server.child.exited).toEqual({ signal: 'SIGSEGV' });
});

test('it leaves the files of a session', async () => {
  await using server = await startServer();
  await server.ready();
  await server.home.join('Walker');
  await server.online(1);
  await server.child.sendCommand('stop');
  await server.child.exited;
  expect((await readdir(server.folder)).sort()).toEqual(
    expect.arrayContaining([
      'MojangAPI.sqlite',
      'Ranks.sqlite',
      'logging.bin',
      'logs',
      'settings.ini',
      'world',
    ]),
  );
  const [name = ''] = await readdir(join(server.folder, 'logs'));
  expect(await server.file(join('logs', name))).toMatch(
    /^Info \[[\d:]{8}\] Player Walker has joined the game$/m,
  );
});

test('it opens a WebAdmin unless its settings say otherwise', async () => {
  const webPort = await freePort();
  await using server = await startServer();
  await server.ready();
  await server.child.sendCommand('stop');
  await server.child.exited;
  await writeFile(join(server.folder, 'webadmin.ini'), `[WebAdmin]\nPorts=${webPort}\n`);
  server.restart();
  await server.ready();
  await eventually(() => connects(webPort));
});

async function connects(port: number): Promise<boolean> {
  const socket = connect(port);
  await once(socket, 'connect');
  socket.destroy();
  return true;
}
