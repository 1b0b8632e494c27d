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
