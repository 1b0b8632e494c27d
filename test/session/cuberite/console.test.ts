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
    const health = cuberite.start({}, 'health');
    expect((await health.ended()).code).toBe(0);
    expect(health.stdout()).toContain('playing: 0 persons online');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
  });

  test('people are told before the maximum duration, and that the session ends', { tags: ['slow'] }, async ({
    cuberite,
  }) => {
    const { home, serverLog } = cuberite;
    const session = cuberite.start({ SESSION_MAX_DURATION: '62s', SESSION_JOIN_TIMEOUT: 'off' });
    await agentStarted(session);
    await home.join('Agent');
    await home.join('Walker');
    await session.logged('"event":"players_changed","people":1');
    await eventually(async () => (await serverLog()).includes('This session ends in 1 minute.'));
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(await serverLog()).toContain('This session ends now.');
  });
});
