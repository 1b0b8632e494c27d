import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openJournalFixture, patient, segmentsIn, treeOf, unzipped } from '../support/journal.ts';
import { mischief } from '../support/mischief.ts';
import { seeded } from '../support/seeded.ts';

const allIsThere = {
  problems: [],
  isFinished: true,
  truncated: [],
  displaced: [],
  missing: [],
  superseded: [],
};

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
      expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
      const recovered = await recover();
      expect(treeOf(recovered.folder)).toEqual(treeOf(work));
      expect(recovered).toMatchObject(allIsThere);
    },
  );

  test.for([1, 2, 3, 4])(
    'files of which blocks are changed come back (seed %i)',
    { tags: ['slow'] },
    async seed => {
      const { work, store, start, recover } = await openJournalFixture();
      const random = seeded(seed);
      const common = ['makeARegion', 'patchBlocks', 'patchBlocks', 'patchBlocks', 'patchTheMiddleAndGrow'];
      const rare = ['cut', 'appendALine', 'move', 'swap', 'touch', 'copyAndCut', 'removeAndMakeAgain'];
      const doSomething = mischief(work, random, [...common, ...common, ...common, ...rare]);
      const journal = start({ intervalMs: 1, rewriteIntervalMs: Math.floor(random() * 5) });
      for (let i = 0; i < 60; i += 1) {
        for (let deeds = Math.floor(random() * 6); deeds >= 0; deeds -= 1) doSomething();
        if (random() < 0.5) await setImmediate();
        const { segments } = journal.report();
        appendFileSync(join(work, 'agent.log'), `round ${i}\n`);
        await eventually(() => journal.report().segments > segments);
        if (i % 10 === 0) expect((await recover()).problems).toEqual([]);
      }
      expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
      const recovered = await recover();
      expect(treeOf(recovered.folder)).toEqual(treeOf(work));
      expect(recovered).toMatchObject(allIsThere);
      const segments = await Promise.all((await segmentsIn(join(store, 'now/journal'))).map(unzipped));
      expect(segments.filter(segment => segment.includes('"base":')).length).toBeGreaterThan(10);
    },
  );
});
