import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { standsIn } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { openDaemons } from './start/daemons.ts';

const runningIn = (folder: string) => (listProcesses() ?? []).filter(({ pid }) => standsIn(pid, folder));

test('daemons and their folder are gone when they are disposed of', async () => {
  const daemons = await openDaemons('test-daemons', {});
  daemons.start('sleep', '600');
  await eventually(() => runningIn(daemons.folder).length === 1);
  await daemons[Symbol.asyncDispose]();
  expect(runningIn(daemons.folder)).toEqual([]);
  expect(existsSync(daemons.folder)).toBe(false);
});

test('daemons end when the tests are killed', async () => {
  const module = resolve(import.meta.dirname, 'start/daemons.ts');
  const code = `
    const { openDaemons } = await import(${JSON.stringify(module)});
    const daemons = await openDaemons('test-daemons', {});
    daemons.start('sleep', '600');
    console.log(daemons.folder);`;
  const tests = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(tests.stdout, 'data');
  const folder = String(line).trim();
  onTestFinished(() => rm(folder, { recursive: true }));
  await eventually(() => runningIn(folder).length === 1);
  tests.kill('SIGKILL');
  await once(tests, 'exit');
  await eventually(() => runningIn(folder).length === 0);
});

test('a daemon that ends is told with what it has written', async () => {
  await using daemons = await openDaemons('test-daemons', {});
  daemons.start('ls', 'no-such-file');
  await expect(daemons.answered(`http://127.0.0.1:${await freePort()}`)).rejects.toThrow(
    /ls no-such-file ended: .*No such file or directory/s,
  );
});
