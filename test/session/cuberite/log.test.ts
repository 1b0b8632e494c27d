import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { agentStarted, test } from './support.ts';

test('a log that can no longer be read ends no game, and is told at its end', async ({ cuberite }) => {
  const { workdir } = cuberite;
  const session = cuberite.start({ SESSION_ECHO: 'agent,server', SESSION_JOURNAL_INTERVAL: '100ms' });
  await agentStarted(session);
  for (const name of ['cuberite_process.log', 'agent.log']) {
    await rm(join(workdir, name));
    await mkdir(join(workdir, name));
  }
  await eventually(() => session.stdout().includes('agent | (its lines can no longer be shown'));
  await eventually(() => session.stdout().includes('server | (its lines can no longer be shown'));
  session.signal('SIGTERM');
  expect(await session.ended()).toEqual({ code: 0, signal: null });
  expect(session.report()).toMatchObject({ end: { by: 'signal' }, saved: 'archive' });
  expect(session.stdout()).toContain('"event":"server_log_unreadable"');
  expect(session.stderr()).toBe('');
});
