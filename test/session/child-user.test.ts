import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listProcesses } from '../../src/process/procfs.ts';
import { killAllOf } from '../support/container.ts';
import { openSessionFixture } from '../support/session.ts';

const isRoot = process.getuid?.() === 0;

/** Tries what somebody would try who has broken in, and tells what worked; leaves a process without an environment. */
const INTRUDER = `
  attempt() { if sh -c "$2" >/dev/null 2>&1; then echo "$1: yes"; else echo "$1: no"; fi; }
  attempt 'writes a file' 'echo a >made-by-the-agent'
  attempt "reads the supervisor's environment" "cat /proc/$PPID/environ"
  attempt "reads the supervisor's log" 'cat supervisor.log'
  attempt "moves the supervisor's log" 'mv supervisor.log moved'
  attempt 'knocks at the door' 'ls .craftassist-session'
  attempt "removes another's log" 'rm -f cuberite_process.log'
  setsid env -i sh -c 'echo "hidden $$"; exec sleep 600' &
  until grep -q hidden agent.log; do sleep 0.01; done
`;

test.runIf(isRoot)(
  'a session whose children run as another user keeps its secrets, and leaves nobody',
  async () => {
    const uid = 1_000_000 + process.pid;
    onTestFinished(() => killAllOf(uid));
    await using fixture = await openSessionFixture();
    const session = fixture.start({
      SESSION_CHILD_USER: `${uid}`,
      SESSION_AGENT_COMMAND: JSON.stringify(['/bin/sh', '-c', INTRUDER]),
    });
    expect(await session.ended()).toMatchObject({ code: 0 });
    const log = await readFile(join(fixture.workdir, 'agent.log'), 'utf8');
    expect(log.split('\n').slice(0, 6)).toEqual([
      'writes a file: yes',
      "reads the supervisor's environment: no",
      "reads the supervisor's log: no",
      "moves the supervisor's log: no",
      'knocks at the door: no',
      "removes another's log: no",
    ]);
    const hidden = Number(/hidden (\d+)/.exec(log)?.[1]);
    expect(session.report().survivors).toMatchObject([{ pid: hidden, killed: true }]);
    expect(listProcesses()?.map(({ pid }) => pid)).not.toContain(hidden);
    const names = execFileSync('tar', ['tzf', join(fixture.sessions, 'test/logs.tar.gz')], {
      encoding: 'utf8',
    });
    expect(names).toMatch(/^(\.\/)?made-by-the-agent$/m);
  },
);

test('a user that children cannot be is a fault of the configuration', async () => {
  await using fixture = await openSessionFixture();
  const session = fixture.start({ SESSION_CHILD_USER: 'no-such-user' });
  expect(await session.ended()).toMatchObject({ code: 64 });
  expect(session.stderr()).toMatch(isRoot ? '"no-such-user" is not a user of this system' : 'runs as root');
});

/** A network without any port that is free to all, as a container of Fargate's. */
const IN_NETWORK = ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh'];
const FEWEST = '-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid';
const LISTENER = `
  console.log(/^CapEff:.*$/m.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[0]);
  require('node:net').createServer().listen(80)
    .on('listening', () => { console.log('listens'); process.exit(0); })
    .on('error', error => { console.log(error.code); process.exit(0); });
`;

async function listenAs(uid: number, capabilities: string) {
  onTestFinished(() => killAllOf(uid));
  await using fixture = await openSessionFixture();
  const launcher = [...IN_NETWORK, 'setpriv', `--bounding-set=${capabilities}`, '--'];
  const session = fixture.startBy(launcher, {
    SESSION_CHILD_USER: `${uid}`,
    SESSION_AGENT_COMMAND: JSON.stringify([process.execPath, '-e', LISTENER]),
    MCDASHBOARD_PORT: '80',
  });
  expect(await session.ended(), session.stderr()).toMatchObject({ code: 0 });
  const log = await readFile(join(fixture.workdir, 'agent.log'), 'utf8');
  return { log, notices: session.report().notices };
}

test.runIf(isRoot)('children of another user may listen at port 80, and have no other right', async () => {
  const { log, notices } = await listenAs(2_000_000 + process.pid, `${FEWEST},+net_bind_service`);
  expect(log).toBe('CapEff:\t0000000000000400\nlistens\n');
  expect(notices).toEqual([]);
});

test.runIf(isRoot)('a supervisor that cannot give them that right says so', { tags: ['slow'] }, async () => {
  const uid = 3_000_000 + process.pid;
  const { log, notices } = await listenAs(uid, FEWEST);
  expect(log).toBe('CapEff:\t0000000000000000\nEACCES\n');
  expect(notices).toEqual([expect.stringContaining(`${uid} may not listen at port 80: give the container`)]);
});

test.runIf(isRoot)('a program that another user cannot run is told as ever', { tags: ['slow'] }, async () => {
  const uid = 4_000_000 + process.pid;
  onTestFinished(() => killAllOf(uid));
  for (const [command, why] of [
    ['no-such-command', 'no such command: no-such-command'],
    ['/etc/passwd', `${uid} may not run /etc/passwd`],
  ]) {
    await using fixture = await openSessionFixture();
    const session = fixture.start({ SESSION_CHILD_USER: `${uid}`, SESSION_AGENT_COMMAND: command });
    expect(await session.ended()).toMatchObject({ code: 12 });
    expect(session.report().end.text).toContain(why);
  }
});
