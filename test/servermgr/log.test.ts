import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SERVERMGR_EVENTS } from '../../src/runtime/log-events.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { createManagerFixture, supervisorCommand } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor } from './support/visitor.ts';

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

test('how a session ends is logged once, and what has failed in the words of what ran it', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--crash') });
  await using program = await startProgram(fixture.env, fixture.folder);
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  await eventually(() => program.output().includes('"event":"session_over"'));
  await eventually(async () => (await visitor.text(`/wait?q=${id}`)).includes('Your server did not start'));
  const ends = program
    .output()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(({ event }) => event === 'session_over');
  const cause = 'SESSION_AGENT_COMMAND "" names no program';
  expect(ends).toEqual([expect.objectContaining({ level: 'warn', session: nameOf(id), cause })]);
});
