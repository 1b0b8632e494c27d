import { expect, test } from 'vitest';
import { prepare, runPoint } from './run.ts';
import { SCENARIOS } from './scenarios.ts';

/*
 * Some of the points that `npm run crash-points` takes all of: where something is stored and nobody knows yet, and where
 * half of something is there, or is gone.
 */
test.concurrent.each([
  {
    name: 'session-s3',
    points: [
      'after PutObject sessions/.sessions/test/journal/N.tar.gz #2',
      'after PutObject sessions/test/logs.tar.gz',
    ],
  },
  {
    name: 'recovery-folder',
    points: ['amid write test/logs.tar.gz.part', 'before unlink .sessions/test/journal/N.tar.gz #2'],
  },
])(
  'a kill in $name costs nothing that was durable, and a second recovery changes nothing',
  {
    tags: ['slow'],
  },
  async ({ name, points }) => {
    const scenario = SCENARIOS.find(each => each.name === name);
    if (scenario === undefined) throw new Error(`there is no ${name}`);
    const prepared = await prepare(scenario);
    const results = await Promise.all(points.map(point => runPoint(prepared, point)));
    const good = { isReached: true, faults: [], wrongBytes: 0, lostBytes: 0 };
    expect(results).toMatchObject(points.map(() => good));
  },
);
