import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { unlessMissing } from '../../src/files/errno.ts';
import { canMirror, canMountFuse, mirrorMount, userMount } from '../support/dead-mount.ts';
import { eventually } from '../support/eventually.ts';
import { program } from '../support/session.ts';
import { test } from '../support/session-test.ts';

test.skipIf(!canMountFuse)(
  'a destination that answers nothing any more does not keep the session from ending by its deadline',
  { tags: ['slow'] },
  async ({ fixture }) => {
    using mount = userMount(join(fixture.workdir, '../mounted'));
    const session = fixture.startBy(mount.launcher, {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_DESTINATION: join(mount.path, 'sessions'),
      SESSION_STOP_TIMEOUT: '5s',
    });
    await session.logged('"event":"process_started","child":"agent"');
    await mount.stopAnswering();
    session.signal('SIGTERM');
    const startMs = performance.now();
    expect(await session.ended(), session.stderr()).toEqual({ code: 20, signal: null });
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(session.report()).toMatchObject({ end: { by: 'signal' }, saved: 'lost', exitCode: 20 });
  },
);

test.skipIf(!canMountFuse)(
  'a folder that answers nothing any more is left out, and told; the journal goes on, and all else is saved',
  { tags: ['slow'] },
  async ({ fixture }) => {
    using mount = userMount(join(fixture.workdir, 'shared'));
    const session = fixture.startBy(mount.launcher, {
      SESSION_AGENT_COMMAND: program('agent-logs-steadily', 20_000),
      SESSION_JOURNAL_INTERVAL: '200ms',
    });
    await eventually(async () => (await segments(fixture.sessions)) > 1);
    await mount.stopAnswering();
    const before = await segments(fixture.sessions);
    await eventually(async () => (await segments(fixture.sessions)) > before + 2);
    session.signal('SIGTERM');
    expect(await session.ended(), session.stderr()).toEqual({ code: 0, signal: null });
    expect(session.report()).toMatchObject({
      saved: 'archive',
      archive: { skipped: { first: [{ path: 'shared', why: 'a file system that does not answer' }] } },
    });
    expect(await segments(fixture.sessions)).toBe(0);
  },
);

test.skipIf(!canMirror)(
  'a working directory that answers nothing any more does not hold the session: what the journal has of it is told',
  { tags: ['slow'] },
  async ({ fixture }) => {
    using mount = mirrorMount(fixture.workdir);
    const session = fixture.startBy(mount.launcher, {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_JOURNAL_INTERVAL: '2s',
      SESSION_STOP_TIMEOUT: '8s',
    });
    await session.logged('"event":"process_started","child":"agent"');
    await eventually(async () => (await segments(fixture.sessions)) > 0);
    await mount.stopAnswering();
    session.signal('SIGTERM');
    const startMs = performance.now();
    expect(await session.ended(), session.stderr()).toEqual({ code: 21, signal: null });
    expect(performance.now() - startMs).toBeLessThan(8_000);
    expect(session.report()).toMatchObject({ end: { by: 'signal' }, saved: 'journal', exitCode: 21 });
  },
);

async function segments(sessions: string): Promise<number> {
  const names = await unlessMissing(readdir(sessions, { recursive: true }));
  return (names ?? []).filter(name => /\d+\.tar\.gz$/.test(name) && name.includes('journal')).length;
}
