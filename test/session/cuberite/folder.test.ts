import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeCuberiteHome } from '../../support/cuberite-home.ts';
import { eventually } from '../../support/eventually.ts';
import { agentStarted, test } from './support.ts';

describe.concurrent('with Cuberite', () => {
  test('a plug-in that does not exist is a fault of the configuration, which lists those that do', async ({
    cuberite,
  }) => {
    const session = cuberite.start({ SESSION_CUBERITE_PLUGINS: 'debug,chatlag' });
    expect((await session.ended()).code).toBe(64);
    expect(session.stderr()).toMatch(/chatlag.*choose from.*chatlog/);
  });

  test.for([
    ['new', 'flag'],
    ['old', 'stdbuf'],
  ] as const)(
    'the %s build loses no line: what was tried is in the report',
    { tags: ['slow'] },
    async ([build, tried], { cuberite }) => {
      await makeCuberiteHome({ build }, cuberite.home.folder);
      const session = cuberite.start();
      // While it runs: what is buffered comes at the end as well.
      await eventually(async () => (await cuberite.serverLog()).includes('Startup complete'));
      session.signal('SIGTERM');
      expect((await session.ended()).code).toBe(0);
      expect(session.report().serverOutput).toMatchObject({ tried });
    },
  );

  test.for([
    ['', false],
    ['1', true],
  ] as const)(
    'with SESSION_REPORT_NAMES=%j, names are in the report: %j',
    { tags: ['slow'] },
    async ([wish, expected], { cuberite }) => {
      const session = cuberite.start({ SESSION_REPORT_NAMES: wish, SESSION_EMPTY_TIMEOUT: '300ms' });
      await agentStarted(session);
      await cuberite.home.join('Agent');
      await cuberite.home.join('Walker');
      await session.logged('"event":"players_changed","people":1');
      await cuberite.home.leave('Walker');
      await cuberite.home.leave('Agent');
      await session.ended();
      expect(JSON.stringify(session.report()).includes('Walker')).toBe(expected);
      expect(session.report().people).toMatchObject({ peak: 1 });
    },
  );

  test('a kept folder is used again, with its world', { tags: ['slow'] }, async ({ cuberite }) => {
    const env = { SESSION_JOIN_TIMEOUT: '300ms' };
    await cuberite.start(env).ended();
    const kept = join(cuberite.workdir, 'cuberite/world/kept');
    await writeFile(kept, 'x');
    expect((await cuberite.start({ ...env, TIMESTAMP: 'again' }).ended()).code).toBe(0);
    expect(await readFile(kept, 'utf8')).toBe('x');
  });
});
