import { expect, test } from 'vitest';
import { askServer } from '../../src/session/console.ts';
import { openChildFixture, programPath } from '../support/children.ts';

/** A server whose console answers every line with this one. */
async function answering(text: string, line: string) {
  await using fixture = await openChildFixture();
  const script = 'echo before; while read -r line; do printf "$1" "$line"; done';
  const server = fixture.start(['/bin/sh', '-c', script, 'server', text], { console: true });
  await server.logged(/before/);
  return await askServer(server.child, server.spec.logFile, line);
}

test.each([
  ['Cuberite', 'Log: [12:00:00] Executing console command: "%s"\nInfo: [12:00:00] Players (1): Bob\n'],
  ['Paper', '[12:00:00 INFO]: Players (1): Bob\n'],
])('the answer of %s is what it has written since, without a repetition of the line', async (_, text) => {
  const answer = await answering(text, 'list');
  expect(answer).toEqual({ ok: true, text: expect.stringMatching(/^.{11,}: Players \(1\): Bob$|Bob$/) });
  expect(answer.text.split('\n')).toHaveLength(1);
});

test.each([
  "Info: [12:00:00] Unknown command, type 'help' for all commands.",
  '[12:00:00] [Server thread/INFO]: Unknown or incomplete command, see below for error',
  '[12:00:00 INFO]: Unknown command. Type "/help" for help.',
])('a command that the server does not know is not obeyed: %s', async text => {
  expect(await answering(`${text}\n`, 'fly')).toEqual({ ok: false, text });
});

test.each(['Log: [12:00:00] [chatlog] Bob: Unknown command', '[12:00:00 INFO]: <Bob> Unknown command'])(
  'what a player says is not the server: %s',
  async text => {
    expect(await answering(`${text}\n`, 'list')).toMatchObject({ ok: true });
  },
);

test('nothing that a terminal obeys comes with an answer', async () => {
  expect((await answering('<Bob> \\033[2Jhello\n', 'list')).text).toBe('<Bob>  [2Jhello');
});

test('a server that writes nothing, or does not read, is told', async () => {
  expect(await answering('', 'save')).toEqual({
    ok: true,
    text: 'sent: save (the server has written nothing)',
  });
  await using fixture = await openChildFixture();
  const deaf = fixture.start([programPath('child-closes-stdin.mjs')], { console: true });
  await deaf.logged(/ready/);
  expect(await askServer(deaf.child, deaf.spec.logFile, 'list')).toMatchObject({ ok: false });
});
