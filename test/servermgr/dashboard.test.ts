/** @module-tag slow */

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { monitorPlayers } from '../../src/minecraft/player-monitor.ts';
import { readTcpTable } from '../../src/process/tcp-table.ts';
import { answersHttp } from '../../src/servermgr/fleet/http-probe.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { serveStatus } from '../support/status-server.ts';
import { becomes, launched, openFleetOn } from './support/ecs-fleet.ts';
import { ADMIN_TOKEN, createManagerFixture, environmentIn, supervisorCommand } from './support/manager.ts';
import { servePage } from './support/page-server.ts';
import { basic, idIn, newVisitor, type Visitor } from './support/visitor.ts';

const { signal } = new AbortController();

test.concurrent.each([200, 302, 401, 404, 500])('a dashboard that answers %i answers', async status => {
  const server = createServer((_, response) => response.writeHead(status).end('a page'.repeat(10_000)));
  await using dashboard = await listen(server);
  // One probe may take too long, on a busy machine.
  expect(await eventually(() => answersHttp(dashboard.address, signal))).toBe(true);
});

test.concurrent.each<[string, (socket: Socket) => unknown]>([
  ['is silent', () => undefined],
  ['speaks something else', socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['hangs up', socket => socket.end()],
  ['resets', socket => socket.resetAndDestroy()],
])('a dashboard that %s does not answer, and its connection is closed', async (_, answer) => {
  const server = createTcpServer(answer);
  await using dashboard = await listen(server);
  const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'));
  expect(await answersHttp(dashboard.address, signal)).toBe(false);
  await closed;
});

test.concurrent('a dashboard whose page has no end is left as soon as it answers', async () => {
  await using dashboard = await listen(
    createServer((_, response) => response.writeHead(200).write('a page')),
  );
  for (let probes = 0; probes < 20; probes += 1) await answersHttp(dashboard.address, signal);
  // A new connection may be noticed before the end of the last one.
  expect(dashboard.mostConnections()).toBeLessThanOrEqual(2);
});

test.concurrent('where nobody listens nothing answers, and who gives up is told so', async () => {
  const address = { host: '127.0.0.1', port: await freePort() };
  expect(await answersHttp(address, signal)).toBe(false);
  await using silent = await listen(createTcpServer());
  const givingUp = new AbortController();
  const asked = answersHttp(silent.address, givingUp.signal);
  givingUp.abort(new Error('given up'));
  await expect(asked).rejects.toThrow('given up');
});

test.concurrent('however often a dashboard is asked that hangs, nobody is counted there', async () => {
  await using dashboard = await listen(createTcpServer());
  const game = await serveStatus({ online: () => 1 });
  const looks: { connected: number; people: number }[] = [];
  const over = new AbortController();
  const monitor = monitorPlayers(
    { host: '127.0.0.1', port: game.port },
    {
      ...{ agentPlayers: 1, joinTimeoutMs: undefined, emptyTimeoutMs: undefined, livenessTimeoutMs: 60_000 },
      signal: over.signal,
      async visitors() {
        const { established = [] } = (await readTcpTable()) ?? {};
        const visitors = established.filter(({ localPort }) => localPort === dashboard.address.port);
        looks.push({ connected: visitors.length, people: monitor.people().seen });
        return new Set(visitors.map(({ remote }) => remote));
      },
    },
  );
  while (looks.length < 5) await answersHttp(dashboard.address, signal);
  over.abort();
  await monitor.limit;
  await game.close();
  expect(looks.some(({ connected }) => connected > 0)).toBe(true);
  expect(looks.map(({ people }) => people)).toEqual(looks.map(() => 0));
  expect(monitor.people()).toMatchObject({ seen: 0, dashboard: 0 });
});

test.concurrent('a session is ready when its dashboard answers, which is asked no more then, and may go', async () => {
  const dashboardPort = await freePort();
  await using fixture = await openFleetOn({}, { dashboardPort });
  const { fleet } = fixture;
  const id = await launched(fleet);
  const waiting = await becomes(fleet, id, ({ progress }) => progress === 95);
  expect(waiting).toMatchObject({ phase: 'starting', readyMs: undefined, dashboard: undefined });

  const dashboard = await servePage(dashboardPort);
  let requests = 0;
  dashboard.on('request', () => {
    requests += 1;
  });
  const ready = await becomes(fleet, id, ({ phase }) => phase === 'ready');
  expect(ready).toMatchObject({
    progress: 100,
    dashboard: { host: ready.address?.host, port: dashboardPort },
  });
  for (let polls = 0; polls < 3; polls += 1) await fleet.snapshot();
  expect(requests).toBe(1);

  dashboard.close();
  await once(dashboard, 'close');
  const { views } = await fleet.snapshot();
  const { address, dashboard: link } = ready;
  expect(views).toEqual([expect.objectContaining({ phase: 'ready', address, dashboard: link })]);
});

test.concurrent('a session whose dashboard never answers is stopped in time, though its game does', async () => {
  const dashboardPort = await freePort();
  await using fixture = await openFleetOn({}, { dashboardPort, launchTimeoutMs: 800 });
  const view = await becomes(fixture.fleet, await launched(fixture.fleet), ({ phase }) => phase === 'failed');
  expect(view).toMatchObject({ progress: 95, ended: { stopped: 'never-ready' } });
  expect(fixture.log()).toMatch(/"event":"stopped_by_rule","session":".+","why":"never-ready","progress":95/);
});

test.concurrent('the pages lead to the dashboard as soon as it answers, and old clients see what they know', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_DASHBOARD_PORT: '80',
    SERVERMGR_SUPERVISOR: supervisorCommand('--dashboard-on-demand'),
  });
  const visitor = newVisitor((await fixture.startManager()).url);
  const id = idIn(await visitor.launch());
  const page = () => visitor.text(`/wait?q=${id}`);
  const waiting = await eventually(async () => {
    const text = await page();
    return text.includes('The game is ready; the agent’s dashboard is almost there.') ? text : undefined;
  });
  expect(waiting).toContain('data-phase="starting"');
  expect(waiting).toMatch(/<p class="dashboard gone" data-if="dashboard">/);
  expect(await visitor.text('/')).not.toContain('dashboard');
  expect(await visitor.status(id)).toEqual({ progress: 90, ip: expect.stringMatching(/^localhost:\d+$/) });

  const workdir = await fixture.workdir(id);
  const { MCDASHBOARD_PORT: port } = await environmentIn(workdir);
  await writeFile(join(workdir, 'dashboard'), '');
  const { ip, ...status } = await eventually(async () => {
    const now = await visitor.status(id);
    return now.progress === 100 ? now : undefined;
  });
  expect(status).toEqual({ progress: 100 });
  const url = `http://localhost:${port}`;
  const ready = await page();
  expect(ready).toContain('data-phase="ready"');
  expect(ready).toContain(`data-text="address">${ip}<`);
  expect(ready).toContain(`<p class="dashboard " data-if="dashboard">`);
  expect(ready).toContain(`<a href="${url}" data-href="dashboard" data-text="dashboard">${url}</a>`);
  expect(await visitor.text('/')).toContain(`the agent’s dashboard is at <a href="${url}">${url}</a>`);
  const admin = await visitor.request('/admin', { headers: { authorization: basic(ADMIN_TOKEN) } });
  expect(await admin.text()).toContain(`href="${url}" aria-label="Dashboard of ${nameOf(id)}"`);
  expect(await firstView(visitor, id)).toMatchObject({ phase: 'ready', dashboard: url });
});

/** What the event stream begins with. */
async function firstView(visitor: Visitor, id: string): Promise<unknown> {
  const { body } = await visitor.request(`/events?q=${id}`);
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const [, view] = /^data: (.*)\n\n/m.exec(text) ?? [];
    if (view !== undefined) return JSON.parse(view);
  }
  throw new Error(`no view in ${text}`);
}

/** A server at a port of its own, which reads what it is sent. */
async function listen(server: Server) {
  const sockets = new Set<Socket>();
  let most = 0;
  server.on('connection', (socket: Socket) => {
    // Only what is read is seen to end.
    sockets.add(socket.resume().on('error', () => socket.destroy()));
    socket.once('close', () => sockets.delete(socket));
    most = Math.max(most, sockets.size);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    /** How many were open at once. */
    mostConnections: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
