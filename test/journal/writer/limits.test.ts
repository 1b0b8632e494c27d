import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient, segmentsIn, unzipped } from '../../support/journal.ts';

/* What docs/guarantees.md does not promise: whoever mends one of these finds it here. */

test('a log that is deleted while the store cannot be reached is lost as far as it was not sent', async () => {
  const { work, store, destination, start } = await openJournalFixture();
  let isDown = false;
  const put: Store['put'] = async (...args) => {
    if (isDown) throw new Error('down');
    await destination.put(...args);
  };
  const [log, rotated] = [join(work, 'agent.log'), join(work, 'agent.log.1')];
  writeFileSync(log, 'sent\n');
  const journal = start({ destination: { ...destination, put } });
  await eventually(() => journal.report().segments > 0);
  isDown = true;
  // The segment that waits for the store has this.
  writeFileSync(log, 'waiting\n', { flag: 'a' });
  await eventually(() => journal.report().failures > 0);
  writeFileSync(log, 'not sent\n', { flag: 'a' });
  renameSync(log, rotated);
  rmSync(rotated);
  isDown = false;
  expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  const segments = await Promise.all((await segmentsIn(join(store, 'now/journal'))).map(unzipped));
  expect(Buffer.concat(segments).includes('waiting\n')).toBe(true);
  expect(Buffer.concat(segments).includes('not sent\n')).toBe(false);
});

test('what is there between two looks only is not noticed', async () => {
  const { work, start, recover } = await openJournalFixture();
  const journal = start();
  await eventually(() => journal.report().segments > 0);
  writeFileSync(join(work, 'short.log'), 'gone');
  rmSync(join(work, 'short.log'));
  expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  expect(readdirSync((await recover()).folder)).toEqual([]);
});
