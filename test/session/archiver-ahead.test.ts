import type { ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { findIsal } from '../../src/archive/isal-deflater.ts';
import { archivers, commandLine, onChild } from '../support/archivers.ts';
import { eventually } from '../support/eventually.ts';
import { program, type RunningSupervisor, readReport, type SessionFixture } from '../support/session.ts';
import { test } from '../support/session-test.ts';

/** Too little to wait for a process to start, and enough for one that waits. */
const SMALL_BYTES = 3 << 20;

describe
  .skipIf(findIsal() === undefined)
  .concurrent('an archiver that is started while a session ends', () => {
    test('packs a small archive, once it waits', async ({ fixture }) => {
      const { session, waiting } = await ending(fixture, { stopMs: 3_000, bytes: SMALL_BYTES });
      expect(await session.ended()).toMatchObject({ code: 0 });
      expect((await readReport(fixture.sessions)).archive).toMatchObject({ deflate: 'isal', tries: 1 });
      await isGone(waiting);
      // It is none of the session's own.
      expect(session.report().survivors).toEqual([]);
    });

    test('does without having packed, where zlib is as fast', { tags: ['slow'] }, async ({ fixture }) => {
      const { session, waiting } = await ending(fixture, { stopMs: 3_000, bytes: 1_000 });
      expect(await session.ended()).toMatchObject({ code: 0 });
      expect((await readReport(fixture.sessions)).archive).toMatchObject({ deflate: 'zlib', tries: 1 });
      await isGone(waiting);
    });

    test('is missed by nobody when it is killed', async ({ fixture }) => {
      const { session, waiting } = await ending(fixture, { stopMs: 3_000, bytes: SMALL_BYTES });
      process.kill(waiting, 'SIGKILL');
      expect(await session.ended()).toMatchObject({ code: 0 });
      expect((await readReport(fixture.sessions)).archive).toMatchObject({ deflate: 'zlib', tries: 1 });
    });

    test('is replaced when it is killed where ISA-L is asked for', { tags: ['slow'] }, async ({
      fixture,
    }) => {
      const env = { SESSION_DEFLATE: 'isal' };
      const { session, waiting } = await ending(fixture, { stopMs: 3_000, bytes: SMALL_BYTES, env });
      process.kill(waiting, 'SIGKILL');
      expect(await session.ended()).toMatchObject({ code: 0 });
      expect((await readReport(fixture.sessions)).archive).toMatchObject({ deflate: 'isal', tries: 1 });
    });

    test('goes with a session that is aborted', async ({ fixture }) => {
      const { session, waiting } = await ending(fixture, { stopMs: 60_000, bytes: SMALL_BYTES });
      session.signal('SIGTERM');
      await session.logged('"event":"stop_requested"');
      await eventually(() => {
        session.signal('SIGINT');
        return session.stdout().includes('"event":"aborted"');
      });
      expect(await session.ended()).toMatchObject({ code: 130 });
      await isGone(waiting);
    });

    test('goes with a supervisor that is killed', { tags: ['slow'] }, async ({ fixture }) => {
      const { session, waiting } = await ending(fixture, { stopMs: 60_000, bytes: SMALL_BYTES });
      session.signal('SIGKILL');
      await session.ended();
      await isGone(waiting);
    });

    test.for([
      ['by zlib', { SESSION_DEFLATE: 'zlib' }],
      ['at a level that ISA-L has not', { SESSION_GZIP_LEVEL: '6' }],
      ['as zstd', { SESSION_ARCHIVE: 'logs.tar.zst' }],
    ] as const)(
      'is not there where archives are made %s',
      { tags: ['slow'] },
      async ([, env], { fixture }) => {
        const session = await start(fixture, { stopMs: 2_000, bytes: SMALL_BYTES, env });
        const seen = new Set<number>();
        await eventually(() => {
          for (const pid of archivers(session.process.pid)) seen.add(pid);
          return session.stdout().includes('"event":"archive_started"');
        });
        expect(seen).toEqual(new Set());
        expect(await session.ended()).toMatchObject({ code: 0 });
      },
    );
  });

describe.skipIf(findIsal() === undefined)('an archiver that nobody needs', () => {
  test.for([
    ['is small', {}, 0],
    ['is not made', { SESSION_SAVE_TIMEOUT: '1ms', SESSION_DEFLATE: 'isal' }, 20],
  ] as const)('is killed where the archive %s', async ([, env, code], { run }) => {
    const children: ChildProcess[] = [];
    const stop = onChild(child => children.push(child));
    expect(await run(env)).toMatchObject({ code });
    stop();
    const archiver = children.find(({ spawnargs }) => spawnargs.includes('archiver'));
    await eventually(() => archiver?.signalCode === 'SIGKILL');
  });
});

interface Ending {
  /** How long the server takes to stop. */
  readonly stopMs: number;
  /** To be archived. */
  readonly bytes: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A session that ends as soon as it runs. */
async function start(fixture: SessionFixture, { stopMs, bytes, env }: Ending): Promise<RunningSupervisor> {
  await mkdir(fixture.workdir, { recursive: true });
  await writeFile(join(fixture.workdir, 'agent.bin'), Buffer.alloc(bytes));
  return fixture.start({
    SESSION_SERVER_COMMAND: program('server-saves-slowly', stopMs, '--port', fixture.port),
    ...env,
  });
}

/** A session whose server is about to stop, and the archiver that waits meanwhile. */
async function ending(
  fixture: SessionFixture,
  how: Ending,
): Promise<{ session: RunningSupervisor; waiting: number }> {
  const session = await start(fixture, how);
  await session.logged('"event":"session_ending"');
  const waiting = (await eventually(() => archivers(session.process.pid)[0])) ?? 0;
  return { session, waiting };
}

async function isGone(pid: number): Promise<void> {
  await eventually(() => commandLine(pid) === '', { timeoutMs: 10_000 });
}
