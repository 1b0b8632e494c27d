import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findJournals } from '../../../src/journal/reader/find.ts';
import { takeJournal } from '../../../src/journal/takeover.ts';
import type { Store } from '../../../src/store/store.ts';
import { eventually } from '../../support/eventually.ts';
import { type JournalFixture, openJournalFixture, patient, treeOf } from '../../support/journal.ts';

/** Some 40 MiB that compress well: five segments. */
async function writeBacklog(work: string): Promise<void> {
  for (let i = 0; i < 4; i += 1)
    await writeFile(join(work, `${i}.log`), `${i} line of a log\n`.repeat(640_000));
}

/** A store that keeps what it is to put under a number until it is let go. */
function holding({ destination }: JournalFixture, number: string) {
  const held = Promise.withResolvers<void>();
  const asked: string[] = [];
  const put: Store['put'] = async (key, body, options) => {
    asked.push(key);
    if (key.endsWith(number)) await held.promise;
    await destination.put(key, body, options);
  };
  return { destination: { ...destination, put }, asked, letGo: held.resolve };
}

const segmentsOf = async ({ store }: JournalFixture) =>
  (await readdir(join(store, 'now/journal'))).filter(name => name.endsWith('.tar.gz')).sort();

test('what is compressed ahead is put when the one before is stored, and a backlog until then', {
  tags: ['slow'],
}, async () => {
  const ground = await openJournalFixture();
  await writeBacklog(ground.work);
  const { destination, asked, letGo } = holding(ground, '00000002.tar.gz');
  const journal = ground.start({ destination });
  const ended = journal.finish(patient);
  await eventually(() => asked.includes('now/journal/00000002.tar.gz'));
  const whole = 4 * 640_000 * '0 line of a log\n'.length;
  // The first is stored, and nothing else, whatever of it is read.
  const [first = 0] = await Promise.all([storedBytes(ground)]);
  await eventually(() => journal.report().backlog.bytes === whole - first);
  expect(journal.report()).toMatchObject({ segments: 1, backlog: { files: 4 } });
  expect(await segmentsOf(ground)).toEqual(['00000001.tar.gz']);
  letGo();
  expect(await ended).toEqual({ durable: true, isEnded: true });
  const segments = asked.filter(key => key.endsWith('.tar.gz'));
  expect(segments).toEqual([...segments].sort());
  expect(segments.length).toBeGreaterThanOrEqual(5);
  const recovered = await ground.recover();
  expect(recovered.problems).toEqual([]);
  expect(treeOf(recovered.folder)).toEqual(treeOf(ground.work));
});

/** Of the files, in segments. */
async function storedBytes(ground: JournalFixture): Promise<number> {
  const { folder } = await ground.recover();
  const sizes = await Promise.all(
    (await readdir(folder)).map(async name => (await readFile(join(folder, name))).length),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

test('an end while segments wait leaves those before them, without a gap', { tags: ['slow'] }, async () => {
  const ground = await openJournalFixture();
  await writeBacklog(ground.work);
  const { destination, asked } = holding(ground, '00000003.tar.gz');
  const journal = ground.start({ destination });
  const over = new AbortController();
  const ended = journal.finish(over.signal);
  await eventually(() => asked.includes('now/journal/00000003.tar.gz'));
  over.abort(new Error('its time is over'));
  expect(await ended).toMatchObject({ durable: false, why: 'its time is over', files: 4 });
  expect(await segmentsOf(ground)).toEqual(['00000001.tar.gz', '00000002.tar.gz']);
  const { folder, problems } = await ground.recover();
  expect(problems).toEqual([]);
  for (const name of await readdir(folder)) {
    const recovered = await readFile(join(folder, name), 'utf8');
    expect((await readFile(join(ground.work, name), 'utf8')).startsWith(recovered)).toBe(true);
  }
});

test('a recovery that takes the number of one ends those behind it, and another journal has all', {
  tags: ['slow'],
}, async () => {
  const ground = await openJournalFixture();
  await writeFile(join(ground.work, 'agent.log'), 'first\n');
  const { destination, asked, letGo } = holding(ground, 'now/journal/00000002.tar.gz');
  const journal = ground.start({ destination });
  await eventually(() => journal.report().segments === 1);
  await writeBacklog(ground.work);
  await eventually(() => asked.includes('now/journal/00000002.tar.gz'));
  const [found] = await findJournals(ground.destination, 'now/', patient);
  if (found === undefined) throw new Error('there is no journal');
  await using _ = await takeJournal(
    ground.destination,
    found,
    { by: '0badcafe-0000-4000-8000-000000000000', host: 'elsewhere' },
    patient,
  );
  await appendFile(join(ground.work, 'agent.log'), 'second\n');
  letGo();
  expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  expect(ground.problems).toMatchObject([{ kind: 'fenced' }]);
  const recovered = await ground.recover('now/journal.2');
  expect(recovered.problems).toEqual([]);
  expect(treeOf(recovered.folder)).toEqual(treeOf(ground.work));
});

test('one that leaves the cores to others holds everything in the end', { tags: ['slow'] }, async () => {
  const ground = await openJournalFixture();
  await writeBacklog(ground.work);
  let asked = 0;
  const pace = () => {
    asked += 1;
    return asked < 10 ? 'quarter-core' : 'all-cores';
  };
  expect(await ground.start().finish(patient, pace)).toEqual({ durable: true, isEnded: true });
  expect(asked).toBeGreaterThanOrEqual(10);
  const recovered = await ground.recover();
  expect(treeOf(recovered.folder)).toEqual(treeOf(ground.work));
});
