import { join } from 'node:path';
import { expect } from 'vitest';
import { canMount } from '../support/can-mount.ts';
import { canMountFuse, userMount } from '../support/dead-mount.ts';
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
