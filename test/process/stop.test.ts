import { expect, test } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { killChild, stopChild } from '../../src/process/stop.ts';
import { openChildFixture, programPath } from '../support/children.ts';
import { eventually } from '../support/eventually.ts';

/** Longer than any test may take: who waits for it to pass fails. */
const NEVER_MS = 600_000;
/** Half of it is ample for whoever obeys, also on a machine that has other things to do. */
const GRACE_MS = 6_000;

const isAlive = (pid: number) => listProcesses()?.some(process => process.pid === pid);

test('says the console command, and returns as soon as the child has obeyed', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-obeys-console.mjs')], { console: true });
  await logged(/ready/);
  const stop = await stopChild(child, { consoleCommand: 'stop', graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: ['console'], exit: { code: 0 } });
});

test('sends SIGTERM when there is no console command', async () => {
  await using fixture = await openChildFixture();
  const { child, log, logged } = fixture.start([programPath('child-ends-on-sigterm.mjs')]);
  await logged(/ready/);
  const stop = await stopChild(child, { graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: ['SIGTERM'], exit: { code: 0 } });
  expect(await log()).toContain('asked to end');
});

test('passes over a console that is closed, without waiting', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-closes-stdin.mjs')], { console: true });
  await logged(/ready/);
  const stop = await stopChild(child, { consoleCommand: 'stop', graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: ['SIGTERM'], exit: { signal: 'SIGTERM' } });
});

test('sends SIGTERM when half the grace has passed after an ignored console command', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ignores-console.mjs')], { console: true });
  await logged(/ready/);
  const stop = await stopChild(child, { consoleCommand: 'stop', graceMs: GRACE_MS });
  expect(stop).toMatchObject({ steps: ['console', 'SIGTERM'], exit: { signal: 'SIGTERM' } });
});

test('sends SIGKILL when the grace has passed', async () => {
  await using fixture = await openChildFixture();
  const { child, log, logged } = fixture.start([programPath('child-ignores-sigterm.mjs')], { console: true });
  await logged(/ready/);
  const stop = await stopChild(child, { consoleCommand: 'stop', graceMs: GRACE_MS });
  expect(stop).toMatchObject({ steps: ['console', 'SIGTERM', 'SIGKILL'], exit: { signal: 'SIGKILL' } });
  expect(await log()).toContain('heard SIGTERM');
});

test('a console that nobody has ever read does not hold the ladder up', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ignores-console.mjs')], { console: true });
  await logged(/ready/);
  const full = child.sendCommand('x'.repeat(4 * 1024 * 1024));
  const stop = await stopChild(child, { consoleCommand: 'stop', graceMs: GRACE_MS });
  expect(stop).toMatchObject({ steps: ['SIGTERM'], exit: { signal: 'SIGTERM' } });
  expect(await full).toBe(false);
});

test('asks nothing of a child that ends by itself in the quiet before', async () => {
  await using fixture = await openChildFixture();
  const { child } = fixture.start([programPath('child-exits-with.mjs'), '0'], { console: true });
  const stop = await stopChild(child, { consoleCommand: 'stop', settleMs: NEVER_MS, graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: [], exit: { code: 0 } });
});

test('leaves a child alone for the quiet before it is asked', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ends-on-sigterm.mjs')]);
  await logged(/ready/);
  const stop = await stopChild(child, { settleMs: 300, graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: ['SIGTERM'], exit: { code: 0 } });
  expect(stop.ms).toBeGreaterThanOrEqual(295);
});

test('has nothing to stop when a child could not be started', async () => {
  await using fixture = await openChildFixture();
  const { child } = fixture.start(['no-such-command']);
  const stop = await stopChild(child, { consoleCommand: 'stop', graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: [], exit: { failedToStart: expect.any(String) } });
});

test('kills a grandchild that ignores SIGTERM', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-with-stubborn-grandchild.sh')]);
  const grandchild = Number(await logged(/ready (\d+)/));
  const stop = await stopChild(child, { graceMs: 1_000 });
  expect(stop).toMatchObject({ steps: ['SIGTERM', 'SIGKILL'], exit: { signal: 'SIGTERM' } });
  expect(isAlive(grandchild)).toBe(false);
});

test('kills a stubborn grandchild whose parent is gone already', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-with-stubborn-grandchild.sh')]);
  const grandchild = Number(await logged(/ready (\d+)/));
  process.kill(child.pid ?? 0, 'SIGKILL');
  await child.exited;
  const stop = await stopChild(child, { graceMs: 1_000 });
  expect(stop).toMatchObject({ steps: ['SIGTERM', 'SIGKILL'], exit: { signal: 'SIGKILL' } });
  expect(isAlive(grandchild)).toBe(false);
});

test('asks a grandchild with a process group of its own as well', async () => {
  await using fixture = await openChildFixture();
  const { child, log, logged } = fixture.start([programPath('child-makes-own-group.sh')]);
  const grandchild = Number(await logged(/ready (\d+)/));
  expect(listProcesses()?.find(({ pid }) => pid === grandchild)).toMatchObject({ group: grandchild });
  const stop = await stopChild(child, { graceMs: NEVER_MS });
  expect(stop.steps).toEqual(['SIGTERM']);
  expect(await log()).toContain('asked to end');
  expect(isAlive(grandchild)).toBe(false);
});

test('asks a descendant in a session of its own as well, and tells its group', async () => {
  await using fixture = await openChildFixture();
  // The trap holds the shell until its foreground child has ended, which no signal to the shell's group reaches.
  const script = 'trap : TERM; setsid -w "$0"; exit 0';
  const { child, log, logged } = fixture.start([
    ...(['/bin/sh', '-c', script] as const),
    programPath('child-ends-on-sigterm.mjs'),
  ]);
  const server = Number(await logged(/ready (\d+)/));
  const asked = new Set<number>();
  const stop = await stopChild(child, {
    graceMs: NEVER_MS,
    onAsked: groups => {
      for (const group of groups) asked.add(group);
    },
  });
  expect(stop.steps).toEqual(['SIGTERM']);
  expect(asked).toEqual(new Set([child.pid, server]));
  await eventually(() => !isAlive(server));
  expect(await log()).toContain('asked to end');
});

test('ends a child that was halted', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ends-on-sigterm.mjs')]);
  await logged(/ready/);
  process.kill(child.pid ?? 0, 'SIGSTOP');
  const stop = await stopChild(child, { graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: ['SIGTERM'], exit: { code: 0 } });
});

test('takes a zombie for dead, although it still answers kill(pid, 0)', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-leaves-zombie.sh')]);
  const zombie = Number(await logged(/zombie (\d+)/));
  await eventually(() => !isAlive(zombie));
  const stop = await stopChild(child, { graceMs: NEVER_MS });
  expect(stop).toMatchObject({ steps: ['SIGTERM'], exit: { signal: 'SIGTERM' } });
  expect(process.kill(zombie, 0)).toBe(true);
  expect(process.kill(-(child.pid ?? 0), 0)).toBe(true);
});

test('kills at once when it is told to, whatever step it is at', async () => {
  await using fixture = await openChildFixture();
  for (const consoleCommand of ['stop', undefined]) {
    const { child, logged } = fixture.start([programPath('child-ignores-sigterm.mjs')], { console: true });
    await logged(/ready/);
    const hurry = new AbortController();
    const stopping = stopChild(child, { consoleCommand, graceMs: NEVER_MS, killNow: hurry.signal });
    if (consoleCommand === undefined) await logged(/heard SIGTERM/);
    hurry.abort();
    expect((await stopping).steps.at(-1)).toBe('SIGKILL');
    expect(await child.exited).toEqual({ signal: 'SIGKILL' });
  }
});

test('kills at once when it is told to while only a stubborn grandchild is left', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-with-stubborn-grandchild.sh')]);
  const grandchild = Number(await logged(/ready (\d+)/));
  const hurry = new AbortController();
  const stopping = stopChild(child, { graceMs: NEVER_MS, killNow: hurry.signal });
  await child.exited;
  hurry.abort();
  expect(await stopping).toMatchObject({ steps: ['SIGTERM', 'SIGKILL'], exit: { signal: 'SIGTERM' } });
  expect(isAlive(grandchild)).toBe(false);
});

test('a ladder that starts after the deadline is one SIGKILL', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-ignores-sigterm.mjs')], { console: true });
  await logged(/ready/);
  const killNow = AbortSignal.abort();
  const stop = await stopChild(child, {
    consoleCommand: 'stop',
    settleMs: NEVER_MS,
    graceMs: NEVER_MS,
    killNow,
  });
  expect(stop).toMatchObject({ steps: ['SIGKILL'], exit: { signal: 'SIGKILL' } });
});

test('stops server and agent at the same time', async () => {
  await using fixture = await openChildFixture();
  const server = fixture.start([programPath('child-ignores-sigterm.mjs')]);
  const agent = fixture.start([programPath('child-ends-on-sigterm.mjs')], { name: 'agent' });
  await Promise.all([server.logged(/ready/), agent.logged(/ready/)]);
  const hurry = new AbortController();
  const stoppingServer = stopChild(server.child, { graceMs: NEVER_MS, killNow: hurry.signal });
  // The server's ladder is still at its second step when the agent's is done.
  expect(await stopChild(agent.child, { graceMs: NEVER_MS })).toMatchObject({ exit: { code: 0 } });
  expect(server.child.endedAtMs).toBeUndefined();
  hurry.abort();
  expect(await stoppingServer).toMatchObject({ steps: ['SIGTERM', 'SIGKILL'] });
});

test('kills a family on the spot', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-with-stubborn-grandchild.sh')]);
  const grandchild = Number(await logged(/ready (\d+)/));
  killChild(child);
  expect(await child.exited).toEqual({ signal: 'SIGKILL' });
  await eventually(() => !isAlive(grandchild));
});

test('stops the whole group where there is no /proc', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-with-stubborn-grandchild.sh')]);
  const grandchild = Number(await logged(/ready (\d+)/));
  const stop = await stopChild(child, { graceMs: 1_000 }, '/no/proc/here');
  expect(stop).toMatchObject({ steps: ['SIGTERM', 'SIGKILL'] });
  expect(isAlive(grandchild)).toBe(false);
});
