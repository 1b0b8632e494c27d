import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFile,
  chmod,
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SEGMENT_BYTES, STATUS_KEY } from '../../../src/journal/format/schema.ts';
import type { Journal } from '../../../src/journal/writer/journal.ts';
import { rejectWhen } from '../../../src/runtime/abort.ts';
import { readText } from '../../../src/store/read.ts';
import { eventually } from '../../support/eventually.ts';
import { openJournalFixture, patient, segmentsIn, treeOf, unzipped } from '../../support/journal.ts';
import { asNobody } from '../../support/nobody.ts';

describe('what the journal holds', () => {
  test('a finished journal gives back the whole tree: contents, folders, links, modes and times', async () => {
    const { work, start, recover } = await openJournalFixture();
    await mkdir(join(work, 'world/region'), { recursive: true });
    await mkdir(join(work, 'empty'), { mode: 0o700 });
    await writeFile(join(work, 'agent.log'), 'first line\n');
    await writeFile(join(work, 'world/region/r.0.0.mca'), Buffer.alloc(300_000, 7));
    await writeFile(join(work, 'world/nothing'), '');
    await writeFile(
      Buffer.concat([Buffer.from(`${work}/`), Buffer.from([0x66, 0xff, 0xe9])]),
      'a name that is no text',
    );
    await writeFile(join(work, 'ärger@00000000000000000001#00000002'), 'a name like an entry');
    await writeFile(join(work, 'ärger@00000000000000000001'), 'and its other half');
    await chmod(join(work, 'agent.log'), 0o640);
    await utimes(join(work, 'agent.log'), 1_700_000_000, 1_700_000_000);
    await symlink('../agent.log', join(work, 'world/link'));
    const journal = start();
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    const recovered = await recover();
    expect(treeOf(recovered.folder)).toEqual(treeOf(work));
    expect(recovered).toMatchObject({
      problems: [],
      isFinished: true,
      truncated: [],
      displaced: [],
      missing: [],
    });
  });

  test('times come back to the microsecond, as node:fs sets them', async () => {
    const { work, start, recover } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'here');
    await utimes(join(work, 'agent.log'), 1_700_000_000.123457, 1_700_000_000.123457);
    await start().finish(patient);
    const { folder } = await recover();
    const [before, after] = await Promise.all(
      [work, folder].map(each => lstat(join(each, 'agent.log'), { bigint: true })),
    );
    expect(Math.abs(Number((after?.mtimeNs ?? 0n) - (before?.mtimeNs ?? 0n)))).toBeLessThan(1_000);
  });

  test('cat gives an appended file back without our tool', async () => {
    const { work, store, start } = await openJournalFixture();
    await mkdir(join(work, 'cuberite/logs'), { recursive: true });
    const log = join(work, 'cuberite/logs/LOG.txt');
    const journal = start();
    // The empty one that takes the name.
    await eventually(() => journal.report().segments >= 1);
    for (let n = 1; n <= 5; n += 1) {
      await appendFile(log, `line ${n}\n`);
      await eventually(() => journal.report().segments > n);
    }
    await journal.finish(patient);
    const unpacked = join(store, 'unpacked');
    await mkdir(unpacked);
    for (const segment of await segmentsIn(join(store, 'now/journal'))) {
      execFileSync('tar', ['-xzf', segment, '-C', unpacked]);
    }
    const all = execFileSync('sh', ['-c', 'cat cuberite/logs/LOG.txt@*'], {
      cwd: unpacked,
      encoding: 'utf8',
    });
    expect(all).toBe('line 1\nline 2\nline 3\nline 4\nline 5\n');
  });

  test('skips what the archive skips, and sockets and pipes', async () => {
    const { work, start, recover } = await openJournalFixture();
    await mkdir(join(work, 'Plugins'));
    await mkdir(join(work, 'sessions'));
    await writeFile(join(work, 'Plugins/core.lua'), 'excluded');
    await writeFile(join(work, 'sessions/logs.tar.gz'), 'left out');
    await writeFile(join(work, 'agent.log'), 'kept');
    execFileSync('mkfifo', [join(work, 'pipe')]);
    const server = createServer().listen(join(work, 'socket'));
    onTestFinished(() => void server.close());
    await eventually(() => server.listening);
    const selection = {
      root: work,
      include: [],
      exclude: ['Plugins'],
      excludedPaths: [join(work, 'sessions')],
    };
    await start({ selection }).finish(patient);
    expect(Object.keys(treeOf((await recover()).folder))).toEqual(['agent.log']);
  });

  test('holds what is included, with the folders above it', async () => {
    const { work, start, recover } = await openJournalFixture();
    await mkdir(join(work, 'deep/er'), { recursive: true });
    await mkdir(join(work, 'other'));
    await writeFile(join(work, 'deep/er/agent.log'), 'included');
    await writeFile(join(work, 'deep/er/world.dat'), 'not included');
    await start({ selection: { root: work, include: ['*.log'], exclude: [], excludedPaths: [] } }).finish(
      patient,
    );
    expect(Object.keys(treeOf((await recover()).folder))).toEqual(['deep', 'deep/er', 'deep/er/agent.log']);
  });
});

describe('following files', () => {
  test('sends appended bytes only, and a file that was moved not again', async () => {
    const { work, store, start, recover } = await openJournalFixture();
    const log = join(work, 'agent.log');
    await writeFile(log, randomBytes(3_000_000));
    const journal = start();
    await eventually(() => journal.report().segments > 0);
    const bytes = journal.report().bytes;
    await rename(log, `${log}.1`);
    await appendFile(log, 'a new log\n');
    await eventually(() => journal.report().segments > 1);
    await appendFile(`${log}.1`, 'a last line\n');
    await journal.finish(patient);
    expect(journal.report().bytes - bytes).toBeLessThan(100_000);
    expect((await segmentsIn(join(store, 'now/journal'))).length).toBe(journal.report().segments);
    expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
  });

  test('follows at once a log that is copied and truncated', async () => {
    const { work, start, recover } = await openJournalFixture();
    const log = join(work, 'agent.log');
    const journal = start();
    for (const text of ['one\n', 'two\n', 'three\n']) {
      await appendFile(log, text);
      await settled(journal);
    }
    await copyFile(log, `${log}.1`);
    await truncate(log);
    await appendFile(log, 'after the cut, and longer than what was there before\n');
    await eventually(async () => {
      const { folder } = await recover();
      expect(await readFile(join(folder, 'agent.log'), 'utf8')).toMatch(/^after the cut/);
      expect(await readFile(join(folder, 'agent.log.1'), 'utf8')).toBe('one\ntwo\nthree\n');
      return true;
    });
  });

  test('follows at once a log that is truncated again before it was seen to grow', async () => {
    const { work, start, recover } = await openJournalFixture();
    const log = join(work, 'agent.log');
    const journal = start();
    for (const text of ['first\n', 'and as much as is needed\n']) {
      await appendFile(log, text);
      await settled(journal);
    }
    for (const text of ['one\n', 'two, longer\n', '3\n']) {
      await writeFile(log, text);
      await settled(journal);
      expect(await readFile(join((await recover()).folder, 'agent.log'), 'utf8')).toBe(text);
    }
  });

  test('a file whose new contents are larger than all that was ever appended to it waits like any rewritten one', async () => {
    const { work, start, recover } = await openJournalFixture();
    const file = join(work, 'state');
    const journal = start();
    for (const text of ['first\n', 'more\n']) {
      await appendFile(file, text);
      await settled(journal);
    }
    await replaceInOneGo(file, 'a'.repeat(1000));
    await settled(journal);
    await replaceInOneGo(file, 'b'.repeat(1000));
    await settled(journal);
    expect(await readFile(join((await recover()).folder, 'state'), 'utf8')).toBe('a'.repeat(1000));
  });

  test('a large file that is sent in several pieces has not grown by that', async () => {
    const { work, start, recover } = await openJournalFixture();
    const region = join(work, 'r.0.0.mca');
    const content = Buffer.alloc(SEGMENT_BYTES + 1, 1);
    await writeFile(region, content);
    const journal = start();
    await settled(journal);
    await overwrite(region, 1000, 'rewritten');
    await settled(journal);
    const recovered = await readFile(join((await recover()).folder, 'r.0.0.mca'));
    expect(recovered.equals(content)).toBe(true);
  });

  test('reads a file that is rewritten in place or replaced no sooner than after its interval, and at the end', async () => {
    const { work, start, recover } = await openJournalFixture();
    const [region, state] = [join(work, 'r.0.0.mca'), join(work, 'state.json')];
    await writeFile(region, Buffer.alloc(10_000, 1));
    await writeFile(state, 'first');
    const journal = start();
    await settled(journal);
    await writeFile(region, Buffer.alloc(10_000, 2));
    await writeFile(`${state}.tmp`, 'second');
    await rename(`${state}.tmp`, state);
    await appendFile(join(work, 'agent.log'), 'later than both\n');
    await eventually(() => journal.report().backlog.files > 0);
    await settled(journal);
    const early = await recover();
    expect(await readFile(join(early.folder, 'r.0.0.mca'))).toEqual(Buffer.alloc(10_000, 1));
    await journal.finish(patient);
    const late = await recover();
    expect(await readFile(join(late.folder, 'r.0.0.mca'))).toEqual(Buffer.alloc(10_000, 2));
    expect(await readFile(join(late.folder, 'state.json'), 'utf8')).toBe('second');
  });

  test('a file that took the place of another and is moved before it was sent has nothing of the other', async () => {
    const { work, start, recover } = await openJournalFixture();
    const log = join(work, 'server.log');
    await writeFile(log, 'of the first');
    const journal = start();
    await settled(journal);
    await writeFile(`${work}.next`, 'of the second');
    await rename(`${work}.next`, log);
    await eventually(() => journal.report().backlog.files > 0);
    await rename(log, join(work, 'server.log.1'));
    await settled(journal);
    const { folder } = await recover();
    expect(await readdir(folder)).toEqual(['server.log.1']);
    expect(await readFile(join(folder, 'server.log.1'), 'utf8')).toBe('of the second');
  });

  test('a rewritten file is sent again whenever its interval is over', async () => {
    const { work, start, recover } = await openJournalFixture();
    const state = join(work, 'state.json');
    start({ rewriteIntervalMs: 100 });
    for (const text of ['first', 'other', 'third']) {
      await writeFile(state, text);
      await eventually(async () => {
        const { folder } = await recover();
        return (await readFile(join(folder, 'state.json'), 'utf8')) === text;
      });
    }
  });

  test('notices in a large file that something in the middle changed while it grew', async () => {
    const { work, start, recover } = await openJournalFixture();
    const name = 'database';
    const file = join(work, name);
    const content = randomBytes(6_000_000);
    await writeFile(file, content);
    const journal = start({ rewriteIntervalMs: 0 });
    await settled(journal);
    content.write('changed', 3_000_000);
    await writeFile(file, Buffer.concat([content, Buffer.from('and more')]));
    const expected = treeOf(work)[name];
    await eventually(async () => treeOf((await recover()).folder)[name] === expected);
  });

  test('marks a content that changed while it was read, and reads it again', { tags: ['slow'] }, async () => {
    const { work, store, destination, start, recover } = await openJournalFixture();
    const file = join(work, 'database');
    await writeFile(file, randomBytes(60_000_000));
    let isReplaced = false;
    const meddling = {
      ...destination,
      async put(...args: Parameters<typeof destination.put>) {
        await destination.put(...args);
        if (!isReplaced) return;
        isReplaced = false;
        // Of the new content's eight segments this is the first: what is not read ahead of it comes later.
        await overwrite(file, 1000, 'meanwhile');
      },
    };
    const journal = start({ destination: meddling });
    await settled(journal);
    await writeFile(`${work}.next`, randomBytes(60_000_000));
    isReplaced = true;
    await rename(`${work}.next`, file);
    await journal.finish(patient);
    const segments = await Promise.all((await segmentsIn(join(store, 'now/journal'))).map(unzipped));
    expect(segments.some(segment => segment.includes('"torn":true'))).toBe(true);
    const recovered = await recover();
    expect(recovered.changedWhileRead).toEqual([]);
    expect(treeOf(recovered.folder)).toEqual(treeOf(work));
  });

  test('does not count files as removed while the working directory cannot be read', async () => {
    const { work, problems, start, recover } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'kept');
    const journal = start();
    await settled(journal);
    await rename(work, `${work}.away`);
    await eventually(() => problems.some(({ kind }) => kind === 'scan-failed'));
    await rename(`${work}.away`, work);
    await journal.finish(patient);
    expect(journal.report().segments).toBe(1);
    expect(Object.keys(treeOf((await recover()).folder))).toEqual(['agent.log']);
  });
});

describe('what it costs', () => {
  test('nothing is sent when nothing has changed, except a heartbeat', async () => {
    const { work, start } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'quiet');
    const journal = start({ intervalMs: 5 });
    await settled(journal);
    const { segments, bytes, coveredUntilMs } = journal.report();
    await eventually(() => journal.report().coveredUntilMs > coveredUntilMs + 200);
    expect(journal.report()).toMatchObject({ segments, bytes });
  });

  test('an idle journal puts a heartbeat', async () => {
    const { destination, start } = await openJournalFixture();
    let beats = 0;
    const counting = {
      ...destination,
      put: (...args: Parameters<typeof destination.put>) => {
        if (args[0] === 'now/journal/status.json') beats += 1;
        return destination.put(...args);
      },
    };
    start({ destination: counting, heartbeatMs: 50, intervalMs: 10 });
    await eventually(() => beats > 3);
  });

  test('who takes part is told as it changes, but not where a recovery has taken the journal', async () => {
    const { destination, start } = await openJournalFixture();
    let present = 0;
    let asked = 0;
    const counting = {
      ...destination,
      exists: (...args: Parameters<typeof destination.exists>) => {
        asked += 1;
        return destination.exists(...args);
      },
    };
    const people = () => ({ present, dashboard: 0, peak: 2 });
    const journal = start({ destination: counting, intervalMs: 10, people });
    const status = () =>
      readText(destination, `now/journal/${STATUS_KEY}`, { maxBytes: 9_999, signal: patient });
    present = 1;
    await eventually(async () => (await status())?.includes('"present":1'));

    await destination.put('now/journal/00000002.tar.gz', Buffer.from('a fence'), { signal: patient });
    await destination.delete([`now/journal/${STATUS_KEY}`], patient);
    const before = asked;
    present = 2;
    journal.tellPeople();
    await eventually(() => asked > before + 2);
    expect(await status()).toBeUndefined();
  });

  test('no segment holds more than 8 MiB, and files that grow fast delay neither a slow one nor each other', {
    tags: ['slow'],
  }, async () => {
    const { work, store, start, recover } = await openJournalFixture();
    await writeFile(join(work, 'flood-1.log'), randomBytes(20_000_000));
    await writeFile(join(work, 'flood-2.log'), randomBytes(20_000_000));
    await writeFile(join(work, 'quiet.log'), 'a quiet line\n');
    await mkdir(join(work, 'many'));
    for (let n = 0; n < 2000; n += 1) await writeFile(join(work, 'many', String(n)), `file ${n}`);
    await start().finish(patient);
    const segments = await segmentsIn(join(store, 'now/journal'));
    const sizes = await Promise.all(segments.map(async segment => (await unzipped(segment)).length));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(SEGMENT_BYTES);
    expect(segments.length).toBeGreaterThan(4);
    const first = execFileSync('tar', ['-tzf', segments[0] ?? ''], { encoding: 'utf8' });
    for (const name of ['quiet.log@', 'flood-1.log@', 'flood-2.log@']) expect(first).toContain(name);
    expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
  });
});

describe('failures of the destination', () => {
  test('what could not be uploaded stays on disk, and is uploaded in order when the destination is back', async () => {
    const { work, destination, problems, start, recover } = await openJournalFixture();
    const log = join(work, 'agent.log');
    let isDown = false;
    let heartbeats = 0;
    const flaky = {
      ...destination,
      async put(...args: Parameters<typeof destination.put>) {
        if (isDown) throw new Error('503 Slow Down');
        await destination.put(...args);
        if (args[0].endsWith('status.json')) heartbeats += 1;
      },
    };
    const journal = start({ destination: flaky });
    // The one beside the first segment would be a success among the failures.
    await eventually(() => heartbeats > 0);
    isDown = true;
    for (let n = 0; n < 50; n += 1) await appendFile(log, `line ${n}\n`);
    await eventually(() => journal.report().failures > 2);
    await appendFile(log, randomBytes(SEGMENT_BYTES + 1));
    isDown = false;
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    expect(problems.map(({ kind }) => kind)).toEqual(['upload-failing', 'upload-recovered']);
    expect(journal.report().greatestLagMs).toBeGreaterThan(0);
    expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
  });

  test('an answer that is lost does no harm, not even to the first segment', async () => {
    const { work, destination, problems, start, recover } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'here');
    let puts = 0;
    const forgetful = {
      ...destination,
      async put(...args: Parameters<typeof destination.put>) {
        await destination.put(...args);
        puts += 1;
        if (puts % 2 === 1) throw new Error('socket hang up');
      },
    };
    const journal = start({ destination: forgetful });
    await appendFile(join(work, 'agent.log'), ' and there');
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
    expect(journal.report().prefix).toBe('now/journal');
    expect(problems.map(({ kind }) => kind)).not.toContain('prefix-taken');
    expect(treeOf((await recover()).folder)).toEqual(treeOf(work));
  });

  test('a status that hangs does not delay the segments', async () => {
    const { work, destination, start, recover } = await openJournalFixture();
    let hanging = 0;
    const stuck = {
      ...destination,
      put(...args: Parameters<typeof destination.put>) {
        if (args[0] !== 'now/journal/status.json') return destination.put(...args);
        hanging += 1;
        // Not even its time limit ends it: whoever waited for it would wait for ever.
        return new Promise<void>(() => undefined);
      },
    };
    const journal = start({ destination: stuck, heartbeatMs: 0 });
    for (let n = 1; n <= 3; n += 1) {
      await appendFile(join(work, 'agent.log'), `line ${n}\n`);
      await settled(journal);
    }
    expect(hanging).toBe(1);
    expect(await readFile(join((await recover()).folder, 'agent.log'), 'utf8')).toBe(
      'line 1\nline 2\nline 3\n',
    );
  });

  test('a finish that runs out of time reports what is not uploaded', async () => {
    const { work, destination, start } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'never sent');
    const dead = {
      ...destination,
      put: (_key: string, _body: Buffer, { signal }: { signal: AbortSignal }) => rejectWhen(signal),
    };
    const journal = start({ destination: dead });
    expect(await journal.finish(AbortSignal.timeout(200))).toMatchObject({ durable: false });
  });

  test('what cannot be read is waiting, and nothing is durable without it', () =>
    asNobody(async () => {
      const { work, start } = await openJournalFixture();
      await writeFile(join(work, 'agent.log'), 'read');
      await writeFile(join(work, 'hidden.log'), 'hidden', { mode: 0 });
      const journal = start();
      const why = expect.stringMatching(/^not everything can be read: hidden\.log: /);
      expect(await journal.finish(patient)).toEqual({
        durable: false,
        isEnded: false,
        unreadable: expect.stringMatching(/^hidden\.log: /),
        why,
        files: 1,
        bytes: 6,
      });
    }));

  test('nothing is durable without a folder that cannot be listed', () =>
    asNobody(async () => {
      const { work, start } = await openJournalFixture();
      await mkdir(join(work, 'locked'), { mode: 0 });
      const why = expect.stringMatching(/^not everything can be read: locked: /);
      expect(await start().finish(patient)).toMatchObject({ durable: false, why });
    }));

  test('what never comes to rest is not durable', async () => {
    const { work, destination, start } = await openJournalFixture();
    const log = join(work, 'agent.log');
    await writeFile(log, 'a line\n');
    const restless = {
      ...destination,
      async put(...args: Parameters<typeof destination.put>) {
        await appendFile(log, 'another\n');
        await destination.put(...args);
      },
    };
    const end = await start({ destination: restless }).finish(patient);
    expect(end).toMatchObject({ durable: false, why: 'the working directory still changes' });
  });

  test('the segments decide: everything is durable without the last status', async () => {
    const { work, destination, start, recover } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'all of it');
    const withoutStatus = {
      ...destination,
      put: (...args: Parameters<typeof destination.put>) =>
        args[0].endsWith(STATUS_KEY) ? rejectWhen(args[2].signal) : destination.put(...args),
    };
    const journal = start({ destination: withoutStatus });
    await settled(journal);
    expect(await journal.finish(AbortSignal.timeout(1_000))).toEqual({
      durable: true,
      isEnded: false,
    });
    expect(await readFile(join((await recover()).folder, 'agent.log'), 'utf8')).toBe('all of it');
  });

  test('tells which files an archive lacks, but for what was deleted or cut', async () => {
    const { work, start } = await openJournalFixture();
    for (const name of ['whole', 'short', 'absent', 'deleted', 'cut'])
      await writeFile(join(work, name), 'ten bytes!');
    const journal = start();
    await journal.finish(patient);
    await rm(join(work, 'deleted'));
    await truncate(join(work, 'cut'), 4);
    const archived = new Map([
      ['whole', 10],
      ['short', 9],
      ['cut', 4],
    ]);
    expect(journal.lackingIn(archived).sort()).toEqual(['absent', 'short']);
    await rename(work, `${work}-away`);
    expect(journal.lackingIn(archived).sort()).toEqual(['absent', 'cut', 'deleted', 'short']);
  });

  test('a finish does not wait for a request that hangs', { tags: ['slow'] }, async () => {
    const { work, destination, start } = await openJournalFixture();
    let puts = 0;
    const stuck = {
      ...destination,
      put(...args: Parameters<typeof destination.put>) {
        puts += 1;
        return puts === 1 ? rejectWhen(args[2].signal) : destination.put(...args);
      },
    };
    await writeFile(join(work, 'agent.log'), 'sent in the end');
    const journal = start({ destination: stuck });
    await eventually(() => puts === 1);
    expect(await journal.finish(patient)).toEqual({ durable: true, isEnded: true });
  });
});

describe('the prefix of a journal', () => {
  test("another run's journal is left alone: the new one has the next prefix", async () => {
    const { work, store, problems, start, recover } = await openJournalFixture();
    await writeFile(join(work, 'agent.log'), 'the first run');
    await start().finish(patient);
    const before = treeOf(join(store, 'now/journal'));
    await writeFile(join(work, 'agent.log'), 'the second run');
    const second = start();
    await second.finish(patient);
    expect(second.report().prefix).toBe('now/journal.2');
    expect(problems).toEqual([{ kind: 'prefix-taken', prefix: 'now/journal' }]);
    expect(treeOf(join(store, 'now/journal'))).toEqual(before);
    const recovered = await recover('now/journal.2');
    expect(await readFile(join(recovered.folder, 'agent.log'), 'utf8')).toBe('the second run');
  });
});

/** Waits until everything that is there has been scanned and uploaded. */
async function settled(journal: Journal): Promise<void> {
  const now = Date.now();
  await eventually(() => journal.report().segments > 0 && journal.report().coveredUntilMs > now);
}

/** Changes bytes in the middle of a file. */
async function overwrite(file: string, offset: number, text: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.write(text, offset);
}

/** Gives a file of the working directory another content; it is never seen empty, nor under another name. */
async function replaceInOneGo(file: string, text: string): Promise<void> {
  const next = join(dirname(file), '../next');
  await writeFile(next, text);
  await rename(next, file);
}
