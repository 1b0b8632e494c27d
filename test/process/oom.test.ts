import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readOomKills } from '../../src/process/oom.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'oom-'));
});
afterEach(() => rm(root, { recursive: true }));

async function stage(files: Readonly<Record<string, string>>) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

const EVENTS = 'low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n';
const V2_MOUNT = '29 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n';

test('counts in version 2, where a container is at the root of the mount', async () => {
  await stage({
    'proc/self/cgroup': '0::/\n',
    'proc/self/mountinfo': `22 1 8:1 / / rw - ext4 /dev/sda rw\n${V2_MOUNT}`,
    'sys/fs/cgroup/memory.events': EVENTS,
  });
  expect(await readOomKills(root)).toBe(2);
});

test('counts in version 2, where the group is below the mount', async () => {
  await stage({
    'proc/self/cgroup': '0::/system.slice/game.service\n',
    'proc/self/mountinfo': V2_MOUNT,
    'sys/fs/cgroup/memory.events': EVENTS.replace('oom_kill 2', 'oom_kill 99'),
    'sys/fs/cgroup/system.slice/game.service/memory.events': EVENTS,
  });
  expect(await readOomKills(root)).toBe(2);
});

const CONTROL = 'oom_kill_disable 0\nunder_oom 0\noom_kill 5\n';

test('counts in version 1, whose group has the same name outside the container', async () => {
  await stage({
    'proc/self/cgroup': '11:cpu,cpuacct:/ecs/f00\n4:memory:/ecs/f00\n0::/ecs/f00\n',
    'proc/self/mountinfo':
      '31 2 0:9 /ecs/f00 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n' +
      '32 2 0:9 /ecs/f00 /sys/fs/cgroup/my\\040memory ro - cgroup cgroup rw,memory\n',
    'sys/fs/cgroup/my memory/memory.oom_control': CONTROL,
  });
  expect(await readOomKills(root)).toBe(5);
});

test('counts in version 1, although version 2 is mounted beside it', async () => {
  await stage({
    'proc/self/cgroup': '4:memory:/user\n0::/\n',
    'proc/self/mountinfo': `${V2_MOUNT}32 2 0:9 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n`,
    'sys/fs/cgroup/memory/user/memory.oom_control': CONTROL,
  });
  expect(await readOomKills(root)).toBe(5);
});

test('does not know where nothing counts', async () => {
  expect(await readOomKills(root)).toBeUndefined();
  await stage({ 'proc/self/cgroup': '0::/\n', 'proc/self/mountinfo': V2_MOUNT });
  expect(await readOomKills(root)).toBeUndefined();
  await stage({ 'sys/fs/cgroup/memory.events': 'nonsense' });
  expect(await readOomKills(root)).toBeUndefined();
});
