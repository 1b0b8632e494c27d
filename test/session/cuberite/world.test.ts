/** @module-tag slow */

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeCuberiteHome } from '../../support/cuberite-home.ts';
import { eventually } from '../../support/eventually.ts';
import { agentStarted, type CuberiteFixture, test } from './support.ts';

describe.concurrent('the world', () => {
  test('is saved while somebody is in the game, and its beats leave nothing behind', {
    tags: ['slow'],
  }, async ({ cuberite }) => {
    const { workdir, home } = cuberite;
    await makeCuberiteHome({ blockEveryMs: 50 }, home.folder);
    const temporary = join(home.folder, 'tmp');
    await mkdir(temporary);
    const session = cuberite.start({ SESSION_WORLD_SAVE_INTERVAL: '1s', TMPDIR: temporary });
    await agentStarted(session);
    await home.join('Walker');
    await eventually(() => existsSync(join(workdir, 'cuberite/world/region/r.0.0.mca')));
    await untilItTicks(cuberite);
    expect(await readdir(temporary)).toContainEqual(expect.stringMatching(/^craftassist-beat-/));
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
  });

  test('that stands still ends the session, and what the server did is recorded', { tags: ['slow'] }, async ({
    cuberite,
  }) => {
    const { workdir, home } = cuberite;
    const session = cuberite.start({ SESSION_LIVENESS_TIMEOUT: '1s' });
    await agentStarted(session);
    await untilItTicks(cuberite);
    await home.hangWorld();
    expect((await session.ended()).code).toBe(11);
    expect(session.stdout()).toContain(
      'the server hung for 1 s: it answers pings, but its world stands still',
    );
    expect(await readFile(join(workdir, 'server_hung.txt'), 'utf8')).toMatch(/: [A-Z] \(\w+\), in \w+/);
  });

  test('of a build that lacks something is told of, and nothing fails', async ({ cuberite }) => {
    await makeCuberiteHome({ build: 'old', lacks: ['SaveAllChunks'] }, cuberite.home.folder);
    const session = cuberite.start({ SESSION_WORLD_SAVE_INTERVAL: '1s' });
    await agentStarted(session);
    await cuberite.home.join('Walker');
    await session.logged('This build of Cuberite lacks SaveAllChunks');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
  });
});

/** Until `health` tells what the world has told. */
async function untilItTicks({ start }: CuberiteFixture): Promise<void> {
  await eventually(async () => {
    const health = start({}, 'health');
    await health.ended();
    return /playing: \d persons? online.*, \d+ ticks a second/.test(health.stdout());
  });
}
