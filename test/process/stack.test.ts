import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { recordStack } from '../../src/process/stack.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stack-'));
});
afterAll(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;

test('tells where each thread of a process is, and adds what gdb says of it', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const file = join(folder, 'hung.txt');
    await writeFile(join(folder, 'gdb'), '#!/bin/sh\necho "stacks: $*"\n');
    await chmod(join(folder, 'gdb'), 0o755);
    await recordStack(child.pid ?? 0, { file, path: `${folder}:/usr/bin:/bin`, signal: never });
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(new RegExp(`^${child.pid} sleep: S \\(sleeping\\), in \\w+$`, 'm'));
    expect(text).toContain(`stacks: --batch --nx -p ${child.pid} -ex thread apply all backtrace\n`);
  } finally {
    child.kill('SIGKILL');
  }
});

test('does not wait for a gdb that hangs', async () => {
  const file = join(folder, 'hanging.txt');
  await writeFile(join(folder, 'gdb'), '#!/bin/sh\nexec sleep 4711.25\n');
  await chmod(join(folder, 'gdb'), 0o755);
  const signal = AbortSignal.timeout(300);
  await recordStack(process.pid, { file, path: `${folder}:/usr/bin:/bin`, signal });
  expect(listProcesses()?.filter(({ parent, name }) => parent === process.pid && name === 'sleep')).toEqual(
    [],
  );
});

test('without gdb tells what the kernel does, and of a process that is gone nothing', async () => {
  const file = join(folder, 'plain.txt');
  await recordStack(2 ** 22 + 1, { file, path: '/nowhere', signal: never });
  expect(await readFile(file, 'utf8')).toMatch(/^\S+ threads of process 4194305:\n\n$/);
});
