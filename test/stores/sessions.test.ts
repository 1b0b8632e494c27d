import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { program } from '../support/session.ts';
import { ARCHIVE, sessionTest } from './session-test.ts';
import type { RealStore } from './start/store.ts';
import { fileOfArchive } from './support.ts';

const KINDS: readonly RealStore['kind'][] = ['ceph', 'swift'];

const COUNTS = { SESSION_JOURNAL_INTERVAL: '100ms', SESSION_AGENT_COMMAND: program('agent-counts') };

describe.each(KINDS)('a session that saves to %s', kind => {
  const test = sessionTest(kind)
    /** Waits until the agent's lines are in the journal. */
    .extend('counted', ({ bucket, fixture }) => async () => {
      const segments = async () => (await bucket.keys()).filter(key => key.endsWith('.tar.gz')).length;
      await eventually(async () => (await readFile(join(fixture.workdir, 'counted.log'))).length > 0);
      const before = await segments();
      await eventually(async () => (await segments()) >= before + 2);
    });

  describe.concurrent('is saved after', () => {
    test('an agent that exits', async ({ start, expectSaved }) => {
      const session = start();
      expect(await session.ended(), session.stdout()).toEqual({ code: 0, signal: null });
      await expectSaved();
      expect(session.report().archive).toMatchObject({ verified: true, parts: 1 });
    });

    test('an agent that leaves more than one part', async ({ start, expectSaved, bucket }) => {
      const session = start({ SESSION_AGENT_COMMAND: program('agent-writes-noise', 18) });
      expect((await session.ended()).code, session.stdout()).toBe(0);
      await expectSaved();
      const { archive } = session.report();
      expect(archive).toMatchObject({ verified: true, bytes: (await bucket.read(ARCHIVE)).length });
      expect(archive?.parts).toBeGreaterThan(2);
    });

    test('SIGTERM', async ({ start, expectSaved, counted, bucket, fixture }) => {
      const session = start(COUNTS);
      await counted();
      session.signal('SIGTERM');
      expect((await session.ended()).code, session.stdout()).toBe(0);
      await expectSaved();
      const lines = await fileOfArchive(await bucket.read(ARCHIVE), 'counted.log');
      expect(lines).toBe(await readFile(join(fixture.workdir, 'counted.log'), 'utf8'));
    });

    test('everybody has left', async ({ start, expectSaved, fixture }) => {
      const people = join(fixture.workdir, 'people.txt');
      const session = start({
        SESSION_SERVER_COMMAND: program('server-follows-file', '--port', fixture.port, people),
        SESSION_AGENT_COMMAND: program('agent-runs'),
        SESSION_EMPTY_TIMEOUT: '300ms',
      });
      await session.logged('"event":"process_started","child":"agent"');
      await writeFile(people, '3');
      await session.logged('"event":"players_changed"');
      await writeFile(people, '0');
      expect((await session.ended()).code, session.stdout()).toBe(0);
      expect(session.report().end.by).toBe('everybody-left');
      await expectSaved();
    });
  });

  describe.concurrent('and is killed', () => {
    test('is recovered', async ({ start, expectSaved, counted, bucket, fixture }) => {
      start(COUNTS);
      await counted();
      await fixture.killAll();
      const recovery = start({}, 'recover', '--force', `s3://${bucket.name}/sessions/test`);
      expect(await recovery.ended(), recovery.stderr()).toEqual({ code: 0, signal: null });
      await expectSaved();
      const lines = await fileOfArchive(await bucket.read(ARCHIVE), 'counted.log');
      expect(lines.length).toBeGreaterThan(0);
      expect(await readFile(join(fixture.workdir, 'counted.log'), 'utf8')).toSatisfy((written: string) =>
        written.startsWith(lines),
      );
    });

    test('is recovered among all others', async ({ start, expectSaved, counted, bucket, fixture }) => {
      start(COUNTS);
      await counted();
      await fixture.killAll();
      const recovery = start({}, 'recover', '--all', '--force', `s3://${bucket.name}/sessions`);
      expect(await recovery.ended(), recovery.stderr()).toEqual({ code: 0, signal: null });
      await expectSaved();
    });
  });

  test('is followed by tail while its journal is there', async ({ start, counted, bucket, fixture }) => {
    const session = start(COUNTS);
    await counted();
    const tail = start({}, 'tail', `s3://${bucket.name}/sessions/test`, 'counted.log');
    await tail.logged('\n10 ');
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect((await tail.ended()).code, tail.stderr()).toBe(0);
    // A journal that is deleted between two looks takes the last lines with it: they are in the archive.
    const written = await readFile(join(fixture.workdir, 'counted.log'), 'utf8');
    expect(written.startsWith(tail.stdout())).toBe(true);
  });
});
