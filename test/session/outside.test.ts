import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { canMakeNetworks, makeNetworks, type Network } from '../support/networks.ts';
import { openSessionFixture, program } from '../support/session.ts';

const PLAYER = fileURLToPath(new URL('programs/player.mjs', import.meta.url));
const GAME = resolve(import.meta.dirname, '../../scripts/demo/server.ts');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PORT = 25_565;
const DASHBOARD = 8_000;

/** A session in a network of its own, and whoever comes from another one. */
async function stage() {
  const networks = makeNetworks();
  onTestFinished(() => networks[Symbol.asyncDispose]());
  const fixture = await openSessionFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  const come = (...args: string[]) => startOutside(networks.outside, args);
  return { ...networks, fixture, come };
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

const TICK = "setInterval(() => console.log('tick'), 1_000)";

const BROWSER_ARGUMENTS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

const EMPTY_S = 1;

/** @param away while it is there the agent is not in the game */
function realGame(away: string) {
  return {
    SESSION_SERVER_ADDRESS: `127.0.0.1:${PORT}`,
    SESSION_SERVER_COMMAND: JSON.stringify([process.execPath, GAME, '--port', `${PORT}`]),
    SESSION_AGENT_COMMAND: JSON.stringify([process.execPath, PLAYER, 'localhost', `${PORT}`, 'Agent', away]),
    SESSION_READY_TIMEOUT: '60s',
    SESSION_EMPTY_TIMEOUT: `${EMPTY_S}s`,
    // An agent that is stopped ends by force alone.
    SESSION_STOP_GRACE: '2s',
  };
}

function dashboardAlone() {
  return {
    SESSION_SERVER_ADDRESS: `127.0.0.1:${PORT}`,
    SESSION_SERVER_COMMAND: program('server-counts-joins', '--port', PORT),
    SESSION_AGENT_COMMAND: program('agent-serves-a-dashboard', DASHBOARD),
    MCDASHBOARD_PORT: `${DASHBOARD}`,
    SESSION_JOIN_TIMEOUT: '60s',
    SESSION_EMPTY_TIMEOUT: `${EMPTY_S}s`,
  };
}

describe.skipIf(!canMakeNetworks())(
  'people who come from outside',
  { tags: ['slow'], timeout: 180_000 },
  () => {
    test('are counted in a real game, by IPv4 and by IPv6, whatever the agent does, and port scanners are not', async () => {
      const { inside, fixture, come } = await stage();
      const dropped = join(fixture.workdir, 'dropped');
      const session = fixture.startBy(inside.runner, realGame(dropped));
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

    test('are counted while the agent is not there yet, and while it does not move', async () => {
      const { inside, fixture, come } = await stage();
      const away = join(dirname(fixture.workdir), 'away');
      await writeFile(away, '');
      const session = fixture.startBy(inside.runner, realGame(away));
      await session.logged('"phase":"playing"');
      const one = come(PLAYER, inside.ipv4, `${PORT}`, 'One');
      await session.logged('"event":"players_changed","people":1,');
      const clock = come('-e', TICK);
      await says(clock, 'tick', 3 * EMPTY_S);

      await rm(away);
      await session.logged('"event":"agent_joined"');
      const [, agent] = /"process_started","child":"agent","pid":(\d+)/.exec(session.stdout()) ?? [];
      process.kill(Number(agent), 'SIGSTOP');
      await says(clock, 'tick', 3 * EMPTY_S);
      expect(session.stdout()).not.toContain('session_ending');
      await leave(one);
      await session.ended();
      expect(session.report()).toMatchObject({ end: { by: 'everybody-left' }, people: { peak: 1 } });
    });

    test('are counted for as long as their browser keeps a connection to the dashboard, idle as it is', async () => {
      const { inside, outside, fixture, come } = await stage();
      const session = fixture.startBy(inside.runner, dashboardAlone());
      await session.logged('"phase":"playing"');
      const wrapper = join(dirname(fixture.workdir), 'browser');
      const command = [...outside.runner, CHROMIUM].map(word => `'${word}'`).join(' ');
      await writeFile(wrapper, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
      const browser = await chromium.launch({ executablePath: wrapper, args: BROWSER_ARGUMENTS });
      onTestFinished(() => browser.close());
      const page = await browser.newPage();
      const isCounted = () => session.stdout().includes('"event":"players_changed","people":1,"dashboard":1');
      await eventually(async () => {
        await page.goto(`http://[${inside.ipv6}]:${DASHBOARD}/`);
        // A browser drops its connections once more when it has found out about its network, soon after its start.
        return eventually(isCounted, { timeoutMs: 10_000 });
      });
      await says(come('-e', TICK), 'tick', 20 * EMPTY_S);
      expect(session.stdout()).not.toContain('session_ending');
      await browser.close();
      await session.ended();
      expect(session.report()).toMatchObject({
        end: { by: 'everybody-left' },
        people: { peak: 1, dashboardPeak: 1 },
      });
    });

    test('are counted who are only at the dashboard, by a WebSocket, and the session ends when that is closed', async () => {
      const { inside, fixture, come } = await stage();
      const session = fixture.startBy(inside.runner, dashboardAlone());
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
