/** @module-tag slow */

import { describe, expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { agentStarted, test } from './support.ts';

describe.concurrent('the console', () => {
  test('refuses when no session runs', async ({ cuberite }) => {
    const killed = cuberite.start();
    killed.signal('SIGKILL');
    await killed.ended();
    const client = cuberite.console('say', 'hello');
    expect((await client.ended()).code).toBe(1);
    expect(client.stderr()).toContain('no session runs');
  });

  test('says a line to the server of a running session, and health tells what it does', async ({
    cuberite,
  }) => {
    const session = cuberite.start();
    await agentStarted(session);
    const client = cuberite.console('say', 'good', 'evening');
    expect(await client.ended(), client.stderr()).toMatchObject({ code: 0 });
    await eventually(async () => (await cuberite.serverLog()).includes('good evening'));
    expect(client.stdout()).toContain('[SERVER] good evening');
    expect(client.stdout()).not.toContain('Executing');
    const health = cuberite.start({}, 'health');
    expect((await health.ended()).code).toBe(0);
    expect(health.stdout()).toContain('playing: 0 persons online');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
  });

  test('prints what the server answers, and does not take an unknown command for one that was obeyed', async ({
    cuberite,
  }) => {
    const session = cuberite.start();
    await agentStarted(session);
    await cuberite.home.join('Walker');
    await eventually(async () => (await cuberite.serverLog()).includes('Walker has joined'));
    const list = cuberite.console('list');
    const unknown = cuberite.console('fly');
    expect(await list.ended(), list.stderr()).toMatchObject({ code: 0 });
    expect(list.stdout()).toContain('Players (1): Walker');
    expect(await unknown.ended(), unknown.stdout()).toMatchObject({ code: 1 });
    expect(unknown.stderr()).toContain('Unknown command');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
  });

  test('people are told that the session ends while they can still read it', { tags: ['slow'] }, async ({
    cuberite,
  }) => {
    const { home, serverLog } = cuberite;
    const session = cuberite.start({ SESSION_STOP_TIMEOUT: '16s' });
    await agentStarted(session);
    await home.join('Agent');
    await home.join('Walker');
    await session.logged('"event":"players_changed","people":1');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    // A quarter of what stopping may take, which is a quarter of the stop timeout without its reserve.
    const log = await serverLog();
    expect(log).toContain('This session ends in 1 second. Goodbye, and thank you!');
    const [said = 0, stopped = 0] = ['This session ends', 'Kicking player Walker'].map(text =>
      log.indexOf(text),
    );
    expect(stopped).toBeGreaterThan(said);
    const { phases } = session.report();
    expect(phases.find(({ phase }) => phase === 'stopping')?.ms).toBeGreaterThan(850);
  });

  test('people are told before the maximum duration, and who joins later as well', {
    tags: ['slow'],
  }, async ({ cuberite }) => {
    const { home, serverLog } = cuberite;
    const session = cuberite.start({ SESSION_MAX_DURATION: '62s', SESSION_JOIN_TIMEOUT: 'off' });
    await agentStarted(session);
    await home.join('Agent');
    await home.join('Walker');
    await session.logged('"event":"players_changed","people":1');
    const warnings = async () => (await serverLog()).match(/\[SERVER\] This session ends in/g)?.length ?? 0;
    await eventually(async () => (await serverLog()).includes('[SERVER] This session ends in 1 minute.'));
    const before = await warnings();
    await home.join('Latecomer');
    await session.logged('"event":"players_changed","people":2');
    await eventually(async () => (await warnings()) > before);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
  });
});
