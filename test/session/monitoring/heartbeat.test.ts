import { setTimeout } from 'node:timers/promises';
import { describe, expect, test as plain } from 'vitest';
import type { Log } from '../../../src/runtime/log.ts';
import { type HeartbeatOptions, startHeartbeat } from '../../../src/session/monitoring/heartbeat.ts';
import { eventually } from '../../support/eventually.ts';
import { program } from '../../support/session.ts';
import { test } from '../../support/session-test.ts';
import { type DeadManSwitch, openSwitch } from './support/dead-man-switch.ts';

const playing = { SESSION_AGENT_COMMAND: program('agent-runs') };

describe.concurrent('a dead-man switch', () => {
  test('is asked as the session starts, and with its exit code as it ends', async ({ fixture }) => {
    await using deadMan = await openSwitch();
    const session = fixture.start({ SESSION_HEARTBEAT_URL: `${deadMan.url}/ping/uuid/?a=b` });
    expect((await session.ended()).code).toBe(0);
    expect(deadMan.asked).toEqual(['GET /ping/uuid/start?a=b', 'GET /ping/uuid/0?a=b']);
  });

  test('is given the exit code of a session that failed', async ({ fixture }) => {
    await using deadMan = await openSwitch();
    const server = program('server-exits-early');
    const session = fixture.start({ SESSION_HEARTBEAT_URL: deadMan.url, SESSION_SERVER_COMMAND: server });
    expect((await session.ended()).code).toBe(10);
    expect(deadMan.asked).toEqual(['GET /start', 'GET /10']);
  });

  test('that hangs holds a stopped session up for a few seconds, and is told of once', async ({
    fixture,
  }) => {
    await using deadMan = await openSwitch(() => undefined);
    const session = fixture.start({ ...playing, SESSION_HEARTBEAT_URL: deadMan.url });
    await session.logged('"event":"server_ready"');
    session.signal('SIGTERM');
    await session.logged('"event":"report_saved"');
    const savedMs = performance.now();
    expect((await session.ended()).code).toBe(0);
    expect(performance.now() - savedMs).toBeLessThan(8_000);
    expect(session.stdout().match(/"event":"heartbeat_failed"/g)).toHaveLength(1);
    expect(session.report().saved).toBe('archive');
  });

  test.for([
    ['has a host that resolves to nothing', 'https://name.invalid/hunter2', 'ENOTFOUND'],
    ['is not there', 'http://localhost:1/hunter2', 'ECONNREFUSED'],
  ] as const)('that %s is told of once, and ends nothing', async ([, url, why], { fixture }) => {
    const session = fixture.start({ SESSION_HEARTBEAT_URL: url });
    expect((await session.ended()).code).toBe(0);
    expect(session.stdout().match(/"event":"heartbeat_failed"/g)).toHaveLength(1);
    expect(session.stdout()).toContain(why);
    expect(session.stdout()).not.toMatch(/hunter2|name\.invalid|localhost/);
  });
});

/** Events that were logged, by their names. */
function watchedLog() {
  const events: string[] = [];
  const note = ({ event }: { readonly event: string }) => void events.push(event);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  return { log, events };
}

function start({ url }: DeadManSwitch, options: Pick<HeartbeatOptions, 'log'> & Partial<HeartbeatOptions>) {
  return startHeartbeat({ url, proxy: undefined, over: new AbortController().signal, ...options });
}

describe.concurrent('heartbeats', () => {
  plain(
    'come at their interval, also after failures, which are told of once until one is taken',
    async () => {
      let isUp = true;
      await using deadMan = await openSwitch(response => response.writeHead(isUp ? 200 : 503).end());
      const { log, events } = watchedLog();
      const heartbeat = start(deadMan, { log, intervalMs: 50 });
      await eventually(() => deadMan.asked.filter(asked => asked === 'GET /').length > 2);
      expect(deadMan.asked[0]).toBe('GET /start');
      isUp = false;
      const before = deadMan.asked.length;
      await eventually(() => deadMan.asked.length > before + 3);
      isUp = true;
      await eventually(() => events.includes('heartbeat_recovered'));
      expect(events).toEqual(['heartbeat_failed', 'heartbeat_recovered']);
      await heartbeat.close();
      expect(deadMan.asked.at(-1)).toBe('GET /fail');
      const asked = deadMan.asked.length;
      await setTimeout(120);
      expect(deadMan.asked).toHaveLength(asked);
    },
  );

  plain('that are under way are cut off by the end, which is told at once', async () => {
    await using deadMan = await openSwitch((response, { url }) => {
      if (url !== '/start') response.end();
    });
    const { log, events } = watchedLog();
    const heartbeat = start(deadMan, { log });
    await eventually(() => deadMan.asked.length === 1);
    await heartbeat.close();
    expect(deadMan.asked).toEqual(['GET /start', 'GET /fail']);
    expect(events).toEqual([]);
  });

  plain('are given up when time is over', async () => {
    await using deadMan = await openSwitch(() => undefined);
    const { log, events } = watchedLog();
    const over = new AbortController();
    const heartbeat = start(deadMan, { log, over: over.signal });
    const closing = heartbeat.close();
    await eventually(() => deadMan.asked.includes('GET /fail'));
    over.abort(new Error('time is over'));
    await closing;
    expect(events).toEqual(['heartbeat_failed']);
  });
});
