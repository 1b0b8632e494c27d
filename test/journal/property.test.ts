import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openJournalFixture, patient, treeOf } from '../support/journal.ts';
import { mischief } from '../support/mischief.ts';
import { seeded } from '../support/seeded.ts';

describe('whatever happens to the files', () => {
  test.for([1, 2, 3, 4, 5, 6])(
    'the journal gives back the tree as it was at the end (seed %i)',
    { tags: ['slow'] },
    async seed => {
      const { work, start, recover } = await openJournalFixture();
      const random = seeded(seed);
      const doSomething = mischief(work, random);
      const journal = start({
        intervalMs: 1 + Math.floor(random() * 20),
        rewriteIntervalMs: Math.floor(random() * 200),
      });
      const deeds = [];
      for (let i = 0; i < 400; i += 1) {
        deeds.push(doSomething());
        if (random() < 0.5) await setImmediate();
      }
      expect(await journal.finish(patient)).toEqual({ durable: true });
      const recovered = await recover();
      expect(treeOf(recovered.folder)).toEqual(treeOf(work));
      expect(recovered).toMatchObject({
        problems: [],
        isFinished: true,
        truncated: [],
        displaced: [],
        missing: [],
        superseded: [],
      });
    },
  );
});
