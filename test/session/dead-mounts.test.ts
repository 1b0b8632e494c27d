import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { canMount } from '../support/can-mount.ts';
import { standsIn } from '../support/container.ts';
import { canMountFuse, userMount } from '../support/dead-mount.ts';
import { eventually } from '../support/eventually.ts';
import { program } from '../support/session.ts';
import { test } from '../support/session-test.ts';

test.skipIf(!canMount() || !canMountFuse)(
  'a destination that answers nothing any more does not keep the session from ending by its deadline',
  { tags: ['slow'] },
  async ({ fixture }) => {
    const mount = userMount(join(fixture.workdir, '../mounted'));
    const session = fixture.startBy(mount.launcher, {
      SESSION_AGENT_COMMAND: program('agent-runs'),
      SESSION_DESTINATION: join(mount.path, 'sessions'),
      SESSION_STOP_TIMEOUT: '5s',
    });
    await session.logged('"event":"process_started","child":"agent"');
    mount.stopAnswering();
    session.signal('SIGTERM');
    const startMs = performance.now();
    expect(await session.ended(), session.stderr()).toEqual({ code: 20, signal: null });
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(session.report()).toMatchObject({ end: { by: 'signal' }, saved: 'lost', exitCode: 20 });
  },
);

test.skipIf(!canMount() || !canMountFuse)(
  'a mount below the working directory that answers nothing any more holds neither the session nor its children',
  { tags: ['slow'] },
  async ({ fixture }) => {
    const mount = userMount(join(fixture.workdir, 'mounted'));
    const session = fixture.startBy(mount.launcher, {
      SESSION_AGENT_COMMAND: program('agent-logs-steadily', 100),
      SESSION_JOURNAL_INTERVAL: '50ms',
      SESSION_STOP_TIMEOUT: '6s',
    });
    // What the session waits for besides, in a thread of the pool, is over by then.
    const segment = join(fixture.sessions, '.sessions/test/journal/00000004.tar.gz');
    await eventually(() => existsSync(segment));
    mount.stopAnswering();
    await eventually(() => {
      const waitsIn = readFileSync(`/proc/${session.process.pid}/wchan`, 'utf8');
      return waitsIn.includes('request_wait_answer');
    });
    session.signal('SIGTERM');
    const startMs = performance.now();
    expect(await session.ended(), session.stderr()).toEqual({ code: 20, signal: null });
    expect(performance.now() - startMs).toBeLessThan(6_000);
    expect(session.stderr()).toContain('look for a mount that does not answer');
    const left = (listProcesses() ?? []).filter(({ pid }) => standsIn(pid, fixture.workdir));
    expect(left).toEqual([]);
  },
);
