import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { environmentOfUser, findUser } from '../../src/process/user.ts';

const folder = mkdtempSync(join(tmpdir(), 'users-'));
afterAll(() => rmSync(folder, { recursive: true }));

const passwdFile = join(folder, 'passwd');
writeFileSync(
  passwdFile,
  [
    'root:x:0:0:root:/root:/bin/bash',
    'admin:x:0:0::/root:/bin/bash',
    'half a line',
    'player:x:10001:10002:A player:/home/player:/usr/sbin/nologin',
    '',
  ].join('\n'),
);

const asRoot = { ownUid: 0, passwdFile };
const player = { uid: 10_001, gid: 10_002, name: 'player', home: '/home/player' };

test('nobody else, where nobody is asked for', async () => {
  expect(await findUser(undefined, { ownUid: 1_000, passwdFile })).toEqual({ user: undefined, faults: [] });
});

test.each([
  ['a name', { name: 'player' }],
  ['a number that has a name', { uid: 10_001, gid: undefined }],
])('finds a user by %s', async (_, wanted) => {
  expect(await findUser(wanted, asRoot)).toEqual({ user: player, faults: [] });
});

test('a group that is given goes before the one that is known', async () => {
  expect(await findUser({ uid: 10_001, gid: 7 }, asRoot)).toMatchObject({ user: { ...player, gid: 7 } });
});

test('takes a number that nobody has given a name, with the group of the same number', async () => {
  const user = { uid: 4_711, gid: 4_711, name: undefined, home: undefined };
  expect(await findUser({ uid: 4_711, gid: undefined }, asRoot)).toEqual({ user, faults: [] });
  const nowhere = { ownUid: 0, passwdFile: join(folder, 'nowhere') };
  expect(await findUser({ uid: 4_711, gid: undefined }, nowhere)).toEqual({ user, faults: [] });
});

test.each([
  [
    'a user that does not exist',
    { name: 'nobody-here' },
    asRoot,
    /"nobody-here" is not a user of this system/,
  ],
  ['root under another name', { name: 'admin' }, asRoot, /"admin" is root again/],
  ['a supervisor that is not root', { name: 'player' }, { ...asRoot, ownUid: 1_000 }, /runs as root/],
])('has a remedy for %s', async (_, wanted, surroundings, fault) => {
  const found = await findUser(wanted, surroundings);
  expect(found).toEqual({ user: undefined, faults: [expect.stringMatching(fault)] });
});

test('an environment as after a login, without the names of the user before', () => {
  const before = { PATH: '/bin', HOME: '/root', USER: 'root', LOGNAME: 'root' };
  const after = { PATH: '/bin', HOME: '/home/player', USER: 'player', LOGNAME: 'player' };
  expect(environmentOfUser(player, before)).toEqual(after);
  expect(environmentOfUser({ ...player, name: undefined, home: undefined }, before)).toEqual({
    PATH: '/bin',
    HOME: '/',
  });
});
