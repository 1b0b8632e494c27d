import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { withLowPorts } from '../../src/process/low-ports.ts';

const USER = { uid: 10_001, gid: 10_001, name: 'player', home: '/' };

/** @param firstFree of ip_unprivileged_port_start; undefined: the kernel does not tell */
async function procWith(firstFree: string | undefined, capabilities: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'low-ports-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'sys/net/ipv4'), { recursive: true });
  await mkdir(join(root, 'self'));
  await writeFile(join(root, 'self/status'), `CapPrm:\t${capabilities}\nCapBnd:\t${capabilities}\n`);
  if (firstFree !== undefined)
    await writeFile(join(root, 'sys/net/ipv4/ip_unprivileged_port_start'), `${firstFree}\n`);
  return root;
}

async function path(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'setpriv-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'setpriv'), '#!/bin/sh\n', { mode: 0o755 });
  return folder;
}

const [WITH, WITHOUT] = ['0000000000000400', '0000000000000000'];

test.each(['1024', undefined])(
  'where low ports are not free (%s) setpriv gives the right',
  async firstFree => {
    const bin = await path();
    const found = await withLowPorts(USER, [80], bin, await procWith(firstFree, WITH));
    expect(found).toEqual({ user: { ...USER, setpriv: join(bin, 'setpriv') }, notices: [] });
  },
);

test.each(['1024', undefined])('a port that cannot be had (%s) is told, others are not', async firstFree => {
  const proc = await procWith(firstFree, WITHOUT);
  const { user, notices } = await withLowPorts(USER, [80, 8000], await path(), proc);
  expect(user).toEqual(USER);
  expect(notices).toEqual([expect.stringMatching(/^player may not listen at port 80: give the container/)]);
  expect((await withLowPorts(USER, [8000], await path(), proc)).notices).toEqual([]);
});

test('where they are free to all, and for the supervisor itself, nothing is done', async () => {
  const proc = await procWith('0', WITH);
  expect(await withLowPorts(USER, [80], await path(), proc)).toEqual({ user: USER, notices: [] });
  expect(await withLowPorts(undefined, [80], await path())).toEqual({ user: undefined, notices: [] });
});
