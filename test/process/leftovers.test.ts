import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createSessionMarker, killLeftovers, MARKER_VARIABLE } from '../../src/process/leftovers.ts';
import { listProcesses } from '../../src/process/procfs.ts';
import { stopChild } from '../../src/process/stop.ts';
import { openChildFixture, programPath } from '../support/children.ts';
import { killAllOf } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';

const isAlive = (pid: number) => listProcesses()?.some(process => process.pid === pid);

test('finds nobody when nobody is left', async () => {
  await using fixture = await openChildFixture();
  const { child } = fixture.start([programPath('child-exits-with.mjs'), '0']);
  await child.exited;
  expect(await killLeftovers(fixture.marker, fixture.children)).toEqual([]);
});

test('kills a daemon that ignores SIGTERM, and tells its command', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-daemonises.sh')]);
  const daemon = Number(await logged(/ready (\d+)/));
  expect((await stopChild(child, { graceMs: 60_000 })).steps).toEqual([]);
  expect(isAlive(daemon)).toBe(true);
  const survivors = await killLeftovers(fixture.marker, fixture.children);
  const command = expect.stringMatching(/^node .*child-ignores-sigterm\.mjs$/);
  expect(survivors).toEqual([{ pid: daemon, command, killed: true, stoppedBy: ['SIGKILL'] }]);
  expect(isAlive(daemon)).toBe(false);
});

/** A daemon: it has left the group, the session and the chain of parents of the child, which is gone. */
async function startDaemon(fixture: Awaited<ReturnType<typeof openChildFixture>>, program: string) {
  const script = 'setsid "$0" & exit 0';
  const { child, log, logged } = fixture.start(['/bin/sh', '-c', script, programPath(program)]);
  const pid = Number(await logged(/ready (\d+)/));
  await child.exited;
  return { pid, log };
}

test('asks a daemon to end by SIGTERM, and returns as soon as it has', async () => {
  await using fixture = await openChildFixture();
  const { pid, log } = await startDaemon(fixture, 'child-ends-on-sigterm.mjs');
  const survivors = await killLeftovers(fixture.marker, fixture.children, { graceMs: 600_000 });
  expect(survivors).toMatchObject([{ pid, killed: true, stoppedBy: ['SIGTERM'] }]);
  expect(await log()).toContain('asked to end');
});

test('kills a daemon that does not end when it is asked', async () => {
  await using fixture = await openChildFixture();
  const { pid, log } = await startDaemon(fixture, 'child-ignores-sigterm.mjs');
  const survivors = await killLeftovers(fixture.marker, fixture.children, { graceMs: 1_000 });
  expect(survivors).toMatchObject([{ pid, killed: true, stoppedBy: ['SIGTERM', 'SIGKILL'] }]);
  expect(await log()).toContain('heard SIGTERM');
});

test('asks nobody twice, and kills at once when it is told to', async () => {
  await using fixture = await openChildFixture();
  const { pid, log } = await startDaemon(fixture, 'child-ignores-sigterm.mjs');
  const killNow = AbortSignal.timeout(200);
  const options = { graceMs: 600_000, asked: new Set([pid]), killNow };
  const survivors = await killLeftovers(fixture.marker, fixture.children, options);
  expect(survivors).toMatchObject([{ pid, killed: true, stoppedBy: ['SIGTERM', 'SIGKILL'] }]);
  expect(await log()).not.toContain('heard SIGTERM');
});

test.each([
  ['an orphan in its session', 'child-daemonises-with-orphan.sh'],
  ['its runaway child', 'child-daemonises-with-runaway.sh'],
])('finds with a daemon %s, even without an environment', async (_, program) => {
  await using fixture = await openChildFixture();
  const { log } = fixture.start([programPath(program)]);
  const pids = await eventually(async () => {
    const found = [...(await log()).matchAll(/ready (\d+)/g)].map(([, pid]) => Number(pid));
    expect(found).toHaveLength(2);
    return found;
  });
  const survivors = await killLeftovers(fixture.marker, []);
  expect(survivors.map(({ pid }) => pid).sort()).toEqual(pids.sort());
  expect(pids.filter(isAlive)).toEqual([]);
});

test('finds whoever has stayed in the session of a child that is gone, even without an environment', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-hides.sh')]);
  const hidden = Number(await logged(/ready (\d+)/));
  process.kill(child.pid ?? 0, 'SIGKILL');
  await child.exited;
  expect(await killLeftovers(fixture.marker, fixture.children)).toMatchObject([
    { pid: hidden, killed: true },
  ]);
  expect(isAlive(hidden)).toBe(false);
});

test('kills processes that multiply faster than they are looked for', async () => {
  await using fixture = await openChildFixture();
  const { logged } = fixture.start([programPath('child-multiplies.sh'), '300']);
  await logged(/generation 290/);
  const survivors = await killLeftovers(fixture.marker, fixture.children, { withinMs: 20_000 });
  expect(survivors.length).toBeGreaterThan(10);
  expect(survivors.every(({ killed }) => killed)).toBe(true);
  expect(await killLeftovers(fixture.marker, fixture.children)).toEqual([]);
});

test("leaves other sessions' processes alone", async () => {
  await using fixture = await openChildFixture();
  const markers = ['', `${fixture.marker}0`, fixture.marker.slice(1), createSessionMarker()];
  const others = markers.map(marker => {
    const env = { ...fixture.specOf(['true']).env, [MARKER_VARIABLE]: marker, OTHER: fixture.marker };
    return fixture.start([programPath('child-ends-on-sigterm.mjs')], { env });
  });
  await Promise.all(others.map(({ logged }) => logged(/ready/)));
  expect(await killLeftovers(fixture.marker, [])).toEqual([]);
  expect(others.map(({ child }) => child.endedAtMs)).toEqual(others.map(() => undefined));
});

test('never takes its own process for a survivor', async () => {
  await using fixture = await openChildFixture();
  const { child } = fixture.start([programPath('child-runs-a-sweep.mjs'), fixture.marker]);
  expect(await child.exited).toEqual({ code: 0 });
});

test('takes zombies for dead', async () => {
  await using fixture = await openChildFixture();
  const { child, logged } = fixture.start([programPath('child-leaves-zombie.sh')]);
  const zombie = Number(await logged(/zombie (\d+)/));
  const parent = Number(await logged(/zombie \d+ of (\d+)/));
  await eventually(() => !isAlive(zombie));
  await eventually(() => listProcesses()?.some(({ pid, name }) => pid === parent && name === 'sleep'));
  await stopChild(child, { graceMs: 60_000 });
  const survivors = await killLeftovers(fixture.marker, fixture.children);
  expect(survivors).toMatchObject([{ pid: parent, command: 'sleep 600', killed: true }]);
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)('finds whoever runs as the children, even without an environment or kin', async () => {
  await using fixture = await openChildFixture();
  // A number of this test's own: the tests run side by side.
  const user = { uid: 1_000_000 + process.pid, gid: 1_000_000, name: undefined, home: undefined };
  onTestFinished(() => killAllOf(user.uid));
  const script = "setsid env -i sh -c 'sleep 600 & echo ready $! >&2; exit' & wait";
  const { child, logged } = fixture.start(['/bin/sh', '-c', script], { user });
  const hidden = Number(await logged(/ready (\d+)/));
  await child.exited;
  expect(await killLeftovers(fixture.marker, [])).toEqual([]);
  const survivors = await killLeftovers(fixture.marker, [], { user });
  expect(survivors).toMatchObject([{ pid: hidden, killed: true }]);
});

test('leaves what runs as the children, but in another control group, alone', async () => {
  await using fixture = await openChildFixture();
  const user = { uid: 4_711, gid: 4_711, name: undefined, home: undefined };
  const stage = (pid: string, cgroup: string) => {
    mkdirSync(join(fixture.folder, pid));
    const stat = `${pid} (server) S 1 ${pid} ${pid} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n`;
    writeFileSync(join(fixture.folder, pid, 'stat'), stat);
    writeFileSync(
      join(fixture.folder, pid, 'status'),
      'Name:\tserver\nUid:\t0\t4711\t0\t0\nGid:\t0\t0\t0\t0\n',
    );
    writeFileSync(join(fixture.folder, pid, 'cgroup'), cgroup);
  };
  stage('99999997', '0::/this-container\n');
  stage('99999998', '0::/another-container\n');
  mkdirSync(join(fixture.folder, 'self'));
  writeFileSync(join(fixture.folder, 'self/cgroup'), '0::/this-container\n');
  const survivors = await killLeftovers(fixture.marker, [], { user, withinMs: 50, procRoot: fixture.folder });
  expect(survivors).toMatchObject([{ pid: 99_999_997, command: '[server]', killed: false }]);
});

test('gives up in time, and says what still lives', async () => {
  await using fixture = await openChildFixture();
  // No kernel has given out such a pid, so no signal ever ends it.
  const folder = join(fixture.folder, '99999999');
  mkdirSync(folder);
  const stat = '99999999 (stuck) D 1 99999999 99999999 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n';
  writeFileSync(join(folder, 'stat'), stat);
  writeFileSync(join(folder, 'environ'), `A=b\0${MARKER_VARIABLE}=${fixture.marker}\0`);
  const survivors = await killLeftovers(fixture.marker, [], { withinMs: 50, procRoot: fixture.folder });
  expect(survivors).toMatchObject([{ pid: 99_999_999, command: '[stuck]', killed: false }]);
});

test('finds nobody where there is no /proc', async () => {
  await using fixture = await openChildFixture();
  expect(await killLeftovers(fixture.marker, [], { procRoot: '/no/proc/here' })).toEqual([]);
});
