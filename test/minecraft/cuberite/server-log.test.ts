import { expect, test } from 'vitest';
import { parseServerLine } from '../../../src/minecraft/cuberite/server-log.ts';

const parse = (line: string) => parseServerLine(Buffer.from(line));

test.each([
  [
    'a player who joins',
    'Info: [10:29:31] Player Walker has joined the game',
    { kind: 'joined', name: 'Walker' },
  ],
  [
    'a player who leaves',
    'Info: [10:30:31] Player Walker has left the game',
    { kind: 'left', name: 'Walker' },
  ],
  [
    'a line that ends with CR',
    'Info: [10:30:31] Player Walker has left the game\r',
    { kind: 'left', name: 'Walker' },
  ],
  [
    'the time of a debug build',
    'Info: [7f3a|10:30:31] Player A has left the game',
    { kind: 'left', name: 'A' },
  ],
  [
    'a name with words of the line',
    'Info: [10:30:31] Player X has left the has joined the game',
    { kind: 'joined', name: 'X has left the' },
  ],
  [
    'a name that is no UTF-8 word',
    'Info: [10:30:31] Player Зима has joined the game',
    { kind: 'joined', name: 'Зима' },
  ],
  [
    'a name that would act on a terminal',
    'Info: [10:30:31] Player \x1b[2JX has joined the game',
    { kind: 'joined', name: '[2JX' },
  ],
  [
    'the plug-in that ends the server when a player leaves',
    'Error: [10:30:31] [ShutdownOnLeave] [shutdown_on_leave] Player left! Exiting now.',
    { kind: 'plugin-exit', plugin: 'shutdown_on_leave' },
  ],
  [
    'the plug-in that ends a server nobody joins',
    'Error: [10:30:31] [ShutdownIfNoPlayerJoin] [shutdown_if_no_player_join] No player has joined the server in a while! Exiting now.',
    { kind: 'plugin-exit', plugin: 'shutdown_if_no_player_join' },
  ],
  [
    'a plug-in that gives no name of its own',
    'Error: [10:30:31] [shutdown_on_leave] Player left! Exiting now.',
    { kind: 'plugin-exit', plugin: 'shutdown_on_leave' },
  ],
])('%s is told', (_, line, event) => {
  expect(parse(line)).toEqual(event);
});

test.each([
  ['chat', 'Log: [10:29:32] [chatlog] [chatlog] Walker: Player X has left the game'],
  [
    'chat that spells a whole line',
    'Log: [10:29:32] [chatlog] [chatlog] W: Info: [10:30:31] Player X has left the game',
  ],
  [
    'chat in the words of a plug-in',
    'Log: [10:29:32] [chatlog] [chatlog] W: [shutdown_on_leave] Player left! Exiting now.',
  ],
  ['another plug-in with such words', 'Info: [10:29:32] [Greeter] Player X has joined the game'],
  ['a line without its beginning', 'Player X has left the game'],
  ['a line that goes on', 'Info: [10:29:32] Player X has left the game today'],
  ['a line of another level', 'Log: [10:29:32] Player X has left the game'],
  ['a name longer than the server lets in', 'Info: [10:29:32] Player AbcdefghijklmnopQ has left the game'],
  ['a kick', 'Info: [10:30:32] Kicking player Agent for "Player X has left the game"'],
  ["the other log's spelling", 'Info [10:29:31] Player Walker has joined the game'],
  [
    'a first visit',
    'Log: [10:29:31] Player "Walker" (53f8) save or statistics file not found, resetting to defaults',
  ],
  ['bytes', '\xff\xfe\0'],
  ['nothing', ''],
])('%s is no event', (_, line) => {
  expect(parse(line)).toBeUndefined();
});
