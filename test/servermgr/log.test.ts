import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SERVERMGR_EVENTS } from '../../src/runtime/log-events.ts';
import { createManagerFixture } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { newVisitor } from './support/visitor.ts';

test('every line names its event and its level, those of the web server and of a failed request included', async () => {
  await using fixture = await createManagerFixture();
  // A launch fails, and with it its request: where sessions have their folder, there is a file.
  const state = join(fixture.folder, 'broken');
  await mkdir(state);
  await writeFile(join(state, 'servermgr'), '');
  await using program = await startProgram({ ...fixture.env, SERVERMGR_STATE: state }, fixture.folder);
  // Node's debugger would tell on stderr that it listens.
  program.child.kill('SIGUSR1');
  expect((await newVisitor(program.url).launch()).status).toBe(500);
  expect(await program.stop()).toBe(0);

  const lines = program.output().trimEnd().split('\n');
  const written = lines.map(line => JSON.parse(line));
  expect(written.map(({ event, level }) => `${event} ${level}`)).toEqual([
    'web_server info',
    'listening info',
    'launch_failed warn',
    'request_failed error',
    'shutting_down info',
  ]);
  for (const line of lines) expect(line.match(/"event":/g)).toHaveLength(1);
  for (const { event } of written) expect(Object.keys(SERVERMGR_EVENTS)).toContain(event);
});
