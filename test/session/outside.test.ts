import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { canMakeNetworks, makeNetworks, type Network } from '../support/networks.ts';
import { openSessionFixture, program } from '../support/session.ts';

const PLAYER = fileURLToPath(new URL('programs/player.mjs', import.meta.url));
const GAME = resolve(import.meta.dirname, '../../scripts/demo/server.ts');
const PORT = 25_565;
const DASHBOARD = 8_000;

/** A session in a network of its own, and whoever comes from another one. */
async function stage() {
  const networks = makeNetworks();
  onTestFinished(() => networks[Symbol.asyncDispose]());
  const { inside, outside } = networks;
  const fixture = await openSessionFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  const come = (...args: string[]) => startOutside(outside, args);
  return { inside, fixture, come };
}

function startOutside({ runner }: Network, args: readonly string[]): ChildProcess {
  const [file = '', ...before] = runner;
  const child = spawn(file, [...before, process.execPath, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Waits until it has said the text so many times from now on. */
async function says(child: ChildProcess, text: string, times = 1): Promise<void> {
  let said = '';
  child.stdout?.on('data', data => {
    said += data;
  });
  await eventually(() => said.split(text).length > times);
}

async function leave(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Knocks five times a second, and never says a word. */
const SCAN = `setInterval(() => require('node:net').connect(PORT, HOST).on('error', () => {}).on('connect', function () {
  console.log('knocked');
  setTimeout(() => this.destroy(), 100);
}), 200)`;

/** Tries again until the dashboard listens, as a page does. */
const PAGE = `(function open() {
  const socket = new WebSocket(URL);
  socket.onopen = () => console.log('open');
  socket.onerror = () => setTimeout(open, 100);
})()`;

describe.skipIf(!canMakeNetworks())(
  'people who come from outside',
  { tags: ['slow'], timeout: 180_000 },
  () => {
    test('are counted in a real game, by IPv4 and by IPv6, whatever the agent does, and port scanners are not', async () => {
      const { inside, fixture, come } = await stage();
      const dropped = join(fixture.workdir, 'dropped');
      const session = fixture.startBy(inside.runner, {
        SESSION_SERVER_ADDRESS: `127.0.0.1:${PORT}`,
        SESSION_SERVER_COMMAND: JSON.stringify([process.execPath, GAME, '--port', `${PORT}`]),
        SESSION_AGENT_COMMAND: JSON.stringify([
          process.execPath,
          PLAYER,
          'localhost',
          `${PORT}`,
          'Agent',
          dropped,
        ]),
        SESSION_READY_TIMEOUT: '60s',
        SESSION_EMPTY_TIMEOUT: '1s',
      });
      await session.logged('"event":"agent_joined"');
      const scanner = come('-e', SCAN.replace('PORT', `${PORT}`).replace('HOST', `'${inside.ipv4}'`));
      await says(scanner, 'knocked');

      const one = come(PLAYER, inside.ipv4, `${PORT}`, 'One');
      await session.logged('"event":"players_changed","people":1,');
      const two = come(PLAYER, inside.ipv6, `${PORT}`, 'Two');
      await session.logged('"event":"players_changed","people":2,');
      await writeFile(dropped, '');
      await session.logged('"event":"agent_left"');
      await leave(two);
      await eventually(() => (session.stdout().match(/"players_changed","people":1,/g) ?? []).length === 2);
      // Three seconds: whoever is taken for the agent is sent away after one.
      await says(scanner, 'knocked', 15);
      expect(session.stdout()).not.toContain('session_ending');
      await leave(one);
      await session.ended();
      expect(session.report()).toMatchObject({
        end: { by: 'everybody-left' },
        people: { peak: 2, dashboardPeak: 0 },
      });
    });

    test('are counted who are only at the dashboard, by a WebSocket, and the session ends when that is closed', async () => {
      const { inside, fixture, come } = await stage();
      const session = fixture.startBy(inside.runner, {
        SESSION_SERVER_ADDRESS: `127.0.0.1:${PORT}`,
        SESSION_SERVER_COMMAND: program('server-counts-joins', '--port', PORT),
        SESSION_AGENT_COMMAND: program('agent-serves-a-dashboard', DASHBOARD),
        MCDASHBOARD_PORT: `${DASHBOARD}`,
        SESSION_JOIN_TIMEOUT: '20s',
        SESSION_EMPTY_TIMEOUT: '1s',
      });
      await session.logged('"phase":"playing"');
      const visitor = come('-e', PAGE.replace('URL', `'ws://[${inside.ipv6}]:${DASHBOARD}'`));
      await says(visitor, 'open');
      await session.logged('"event":"players_changed","people":1,"dashboard":1');
      expect(session.stdout()).not.toContain('session_ending');
      await leave(visitor).catch(() => undefined);
      await session.ended();
      expect(session.report()).toMatchObject({
        end: { by: 'everybody-left' },
        people: { peak: 1, dashboardPeak: 1 },
      });
    });
  },
);
