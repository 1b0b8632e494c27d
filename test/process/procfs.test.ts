import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { commandOf, environmentOf, listProcesses } from '../../src/process/procfs.ts';

const root = mkdtempSync(join(tmpdir(), 'proc-'));
afterAll(() => rmSync(root, { recursive: true }));

function stage(pid: number, name: string, { state = 'S', threads = 1 } = {}) {
  mkdirSync(join(root, `${pid}`));
  const stat = `${pid} (${name}) ${state} 1 20 30 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 ${threads} 0 4711 1000 2 3\n`;
  writeFileSync(join(root, `${pid}`, 'stat'), stat);
}

test('reads this very process', () => {
  const self = listProcesses()?.find(({ pid }) => pid === process.pid);
  expect(self).toMatchObject({ parent: process.ppid });
  expect(self?.startTicks).toBeGreaterThan(0);
});

test('reads processes whose names hold anything', () => {
  stage(100, 'a) S 1 (b c');
  stage(101, 'line\nbreak)');
  const fields = { parent: 1, group: 20, session: 30, startTicks: 4711 };
  expect(listProcesses(root)).toEqual([
    { pid: 100, name: 'a) S 1 (b c', ...fields },
    { pid: 101, name: 'line\nbreak)', ...fields },
  ]);
});

test('passes over the dead, but not over one whose main thread alone has ended', () => {
  stage(200, 'zombie', { state: 'Z' });
  stage(201, 'dead', { state: 'X' });
  stage(202, 'threads', { state: 'Z', threads: 3 });
  const pids = listProcesses(root)?.map(({ pid }) => pid);
  expect(pids).not.toContain(200);
  expect(pids).not.toContain(201);
  expect(pids).toContain(202);
});

test('passes over what vanishes while it looks, and what is no process', () => {
  mkdirSync(join(root, '300'));
  mkdirSync(join(root, 'self'));
  expect(listProcesses(root)?.map(({ pid }) => pid)).not.toContain(300);
});

test('knows nothing where there is no /proc', async () => {
  expect(listProcesses(join(root, 'nowhere'))).toBeUndefined();
  expect(await environmentOf(1, join(root, 'nowhere'))).toEqual(['']);
});

test('tells a command in one line of readable length, or the name in its place', async () => {
  stage(400, 'sh');
  const process = { pid: 400, parent: 1, group: 1, session: 1, startTicks: 0, name: 'sh' };
  expect(await commandOf(process, root)).toBe('[sh]');
  writeFileSync(join(root, '400', 'cmdline'), `sh\0-c\0echo one\necho \x1b[31m\0${'x'.repeat(500)}\0`);
  const command = await commandOf(process, root);
  expect(command).toMatch(/^sh -c echo one echo {2}\[31m x+$/);
  expect(command).toHaveLength(200);
});

test.each([
  [500, '--token=hunter2 run', '--token=******** run'],
  [501, '--db-password hunter2 run', '--db-password ******** run'],
  [502, 'env AWS_SECRET=hunter2', 'env AWS_SECRET=********'],
  [503, '-apiKey=hunter2', '-apiKey=********'],
  [505, 'sh -c agent\t--token=hunter2\t--key\thunter2\tx', 'sh -c agent --token=******** --key ******** x'],
  [504, '--keyboard de --port=1', '--keyboard de --port=1'],
])('masks what follows the name of a secret, seen in process %i: %s', async (pid, line, shown) => {
  stage(pid, 'sh');
  writeFileSync(join(root, `${pid}`, 'cmdline'), line.replaceAll(' ', '\0'));
  const process = { pid, parent: 1, group: 1, session: 1, startTicks: 0, name: 'sh' };
  expect(await commandOf(process, root)).toBe(shown);
});
