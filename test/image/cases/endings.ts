import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { assertAlone, assertRan, readEvidence } from '../evidence.ts';
import { IMAGES } from '../images.ts';
import { type Case, describeEnd, endsByItself, KEYS, SLOW_STORE, STORE, session, variables } from './case.ts';

/** What must not be in a child's environment. */
const PRIVATE = /environment (AWS_|ECS_|RUN_SH)/;

const RIGHTS = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'];

/** As in deploy/: starting children as another user, ending them, owning what they may not touch, and letting them listen. */
const FEWEST_RIGHTS = [
  '--read-only',
  '--tmpfs=/droidlet/workdir:mode=0777',
  '--security-opt=no-new-privileges',
  '--cap-drop=ALL',
  // Docker would let everybody listen at any port; Fargate does not.
  '--sysctl=net.ipv4.ip_unprivileged_port_start=1024',
  ...RIGHTS.map(name => `--cap-add=${name}`),
];

/** Sessions that end by themselves, in containers of every kind. */
export const endings: readonly Case[] = [
  endsByItself(
    'a normal ending, with orphans to reap',
    session('describe,join agent,join Walker,orphans 5,wait 5,leave Walker,exit 0'),
    {
      verify({ file, report }) {
        const agent = file('agent.log');
        assert.match(agent, /arguments --no_default_behavior --agent_debug_mode --log_level debug --dev/);
        assert.match(agent, /uid 10001 gid 10001 groups \[\]/);
        assert.match(agent, /environment HOME/);
        assert.doesNotMatch(agent, PRIVATE);
        assert.equal(report.people?.peak, 1);
      },
    },
  ),
  endsByItself('an image that has the project in /fairo', session('wait 1,exit 0'), { image: IMAGES.fairo }),
  endsByItself('an agent that fails', session('wait 1,exit 3'), { code: 12 }),
  endsByItself('a process that hides from its session', session('hide,wait 1,exit 0'), { survivors: 1 }),
  endsByItself(
    "children as the supervisor's own user",
    session('describe,daemon,wait 1,exit 0', 'SESSION_CHILD_USER='),
    { survivors: 1, verify: ({ file }) => assert.match(file('agent.log'), /uid 0 /) },
  ),
  endsByItself('a terminal', ['--tty', ...session('wait 1,exit 0')]),
  endsByItself('a read-only root', [
    '--read-only',
    '--volume=/droidlet/workdir',
    ...session('wait 1,exit 0'),
  ]),
  endsByItself('the fewest rights', [...FEWEST_RIGHTS, ...session('describe,listen 80,hide,wait 1,exit 0')], {
    survivors: 1,
    verify: ({ file }) => assert.match(file('agent.log'), /listens at 80/),
  }),
  endsByItself(
    'an archive by ISA-L, with the fewest rights',
    [...FEWEST_RIGHTS, ...session('wait 1,exit 0', 'SESSION_DEFLATE=isal')],
    { verify: ({ report }) => assert.equal(report.archive?.deflate, 'isal') },
  ),
  endsByItself('an init of the platform before ours', ['--init', ...session('orphans 5,wait 1,exit 0')]),
  {
    // Node reaps its own children only: here zombies may be left, and must not count as processes.
    name: 'process 1 without the init',
    async run({ start, store }) {
      const options = session('orphans 5,hide,wait 1,exit 0');
      const ended = await (await start(['--entrypoint=craftassist-session', ...options])).ended();
      const evidence = await readEvidence(store, 'test');
      assert.deepEqual([ended.code, evidence.report.survivors.length], [0, 1]);
      assertRan(evidence);
      return describeEnd(ended, evidence);
    },
  },
  endsByItself('a memory limit that kills the agent', ['--memory=512m', ...session('wait 1,allocate')], {
    code: 12,
    verify({ report }) {
      const agent = report.children.find(({ name }) => name === 'agent');
      assert.deepEqual([agent?.exit, agent?.outOfMemory], [{ signal: 'SIGKILL' }, true]);
    },
  }),
  {
    name: 'a volume that two sessions use',
    async run({ start, store }) {
      const first = await start(['--volume=/droidlet/workdir', ...session('wait 1,exit 0')]);
      assert.equal((await first.ended()).code, 0, await first.log());
      const again = [`--volumes-from=${first.name}`, ...session('wait 1,exit 0', 'TIMESTAMP=again')];
      const second = await start(again);
      const ended = await second.ended();
      assert.equal(ended.code, 0, await second.log());
      const evidence = await readEvidence(store, 'again');
      assert.ok(evidence.names.includes('cuberite/world/region/r.0.0.mca'));
      assert.equal(evidence.file('agent.log').match(/000001 arguments/g)?.length, 2);
      return describeEnd(ended, evidence);
    },
  },
  {
    name: 'a full disk',
    async run({ start, store }) {
      const options = ['--tmpfs=/droidlet/workdir:size=8m', ...session('wait 1,fill 64,exit 0')];
      const ended = await (await start(options)).ended();
      const evidence = await readEvidence(store, 'test');
      assert.equal(ended.code, 0);
      assert.match(evidence.file('agent.log'), /full: .*No space left on device/);
      assert.ok(evidence.file('noise.bin').length > 0);
      return describeEnd(ended, evidence);
    },
  },
  {
    name: "the old launcher's exact environment",
    async run({ start, store }) {
      await store.setFaults(SLOW_STORE);
      const timestamp = '2026-11-22T11:26:36.123456+00:00';
      const script = gzipSync('#!/bin/bash\ntouch /droidlet/workdir/ran\n').toString('base64');
      const launched = [
        ...KEYS,
        `RUN_SH_GZ_B64=${script}`,
        `TIMESTAMP=${timestamp}`,
        'SENTRY_DSN=https://key@host/1',
      ];
      const session = await start(variables(...STORE, 'AGENT_DOES=describe,wait 1,exit 0', ...launched));
      const ended = await session.ended();
      const log = await session.log();
      assert.equal(ended.code, 0, log);
      const evidence = await readEvidence(store, timestamp);
      assertRan(evidence);
      assertAlone(ended);
      assert.match(evidence.file('agent.log'), /environment SENTRY_DSN/);
      assert.doesNotMatch(evidence.file('agent.log'), PRIVATE);
      assert.ok(!evidence.names.includes('ran'), 'the script was run');
      assert.match(log, /RUN_SH_GZ_B64 .*: it is ignored/);
      assert.doesNotMatch(log, /smoke-secret/);
      return describeEnd(ended, evidence);
    },
  },
];
