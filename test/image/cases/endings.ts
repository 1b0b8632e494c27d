import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { assertAlone, assertPlayed, gather } from '../evidence.ts';
import { type Case, KEYS, plays, SLOW_STORE, STORE, session, told, variables } from './case.ts';

/** What no child may be given. */
const PRIVATE = /environment (AWS_|ECS_|RUN_SH)/;

/** As in deploy/: starting children as another user, ending them, and owning what they may not touch takes these. */
const FEWEST_RIGHTS = [
  '--read-only',
  '--tmpfs=/droidlet/workdir:mode=0777',
  '--security-opt=no-new-privileges',
  '--cap-drop=ALL',
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID'].map(name => `--cap-add=${name}`),
];

/** Sessions that end by themselves, in containers of every kind. */
export const endings: readonly Case[] = [
  plays(
    'a normal ending, with orphans to reap',
    session('tell,join agent,join Walker,orphans 5,wait 2,leave Walker,exit 0'),
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
  plays('an agent that fails', session('wait 1,exit 3'), { code: 12 }),
  plays('a process that hides from its session', session('hide,wait 1,exit 0'), { survivors: 1 }),
  plays(
    "children as the supervisor's own user",
    session('tell,daemon,wait 1,exit 0', 'SESSION_CHILD_USER='),
    { survivors: 1, verify: ({ file }) => assert.match(file('agent.log'), /uid 0 /) },
  ),
  plays('a terminal', ['--tty', ...session('wait 1,exit 0')]),
  plays('a read-only root', ['--read-only', '--volume=/droidlet/workdir', ...session('wait 1,exit 0')]),
  plays('the fewest rights', [...FEWEST_RIGHTS, ...session('tell,hide,wait 1,exit 0')], {
    survivors: 1,
  }),
  plays('an init of the platform before ours', ['--init', ...session('orphans 5,wait 1,exit 0')]),
  {
    // Node reaps its own children only: zombies may lie about here, and must not confuse it.
    name: 'process 1 without the init',
    async play({ start, store }) {
      const options = session('orphans 5,hide,wait 1,exit 0');
      const ended = await (await start(['--entrypoint=craftassist-session', ...options])).ended();
      const evidence = await gather(store, 'test');
      assert.deepEqual([ended.code, evidence.report.survivors.length], [0, 1]);
      assertPlayed(evidence);
      return told(ended, evidence);
    },
  },
  plays('a memory limit that kills the agent', ['--memory=512m', ...session('wait 1,eat')], {
    code: 12,
    verify({ report }) {
      const agent = report.children.find(({ name }) => name === 'agent');
      assert.deepEqual([agent?.exit, agent?.outOfMemory], [{ signal: 'SIGKILL' }, true]);
    },
  }),
  {
    name: 'a volume that is played in twice',
    async play({ start, store }) {
      const first = await start(['--volume=/droidlet/workdir', ...session('wait 1,exit 0')]);
      assert.equal((await first.ended()).code, 0, await first.log());
      const again = [`--volumes-from=${first.name}`, ...session('wait 1,exit 0', 'TIMESTAMP=again')];
      const second = await start(again);
      const ended = await second.ended();
      assert.equal(ended.code, 0, await second.log());
      const evidence = await gather(store, 'again');
      assert.ok(evidence.names.includes('cuberite/world/region/r.0.0.mca'));
      assert.equal(evidence.file('agent.log').match(/000001 arguments/g)?.length, 2);
      return told(ended, evidence);
    },
  },
  {
    name: 'a full disk',
    async play({ start, store }) {
      const options = ['--tmpfs=/droidlet/workdir:size=8m', ...session('wait 1,fill 64,exit 0')];
      const ended = await (await start(options)).ended();
      const evidence = await gather(store, 'test');
      assert.equal(ended.code, 0);
      assert.match(evidence.file('agent.log'), /full: .*No space left on device/);
      assert.ok(evidence.file('noise.bin').length > 0);
      return told(ended, evidence);
    },
  },
  {
    name: "the old launcher's exact environment",
    async play({ start, store }) {
      await store.setFaults(SLOW_STORE);
      const timestamp = '2026-11-22T11:26:36.123456+00:00';
      const script = gzipSync('#!/bin/bash\ntouch /droidlet/workdir/ran\n').toString('base64');
      const launched = [
        ...KEYS,
        `RUN_SH_GZ_B64=${script}`,
        `TIMESTAMP=${timestamp}`,
        'SENTRY_DSN=https://key@host/1',
      ];
      const session = await start(variables(...STORE, 'AGENT_DOES=tell,wait 1,exit 0', ...launched));
      const ended = await session.ended();
      const log = await session.log();
      assert.equal(ended.code, 0, log);
      const evidence = await gather(store, timestamp);
      assertPlayed(evidence);
      assertAlone(ended);
      assert.match(evidence.file('agent.log'), /environment SENTRY_DSN/);
      assert.doesNotMatch(evidence.file('agent.log'), PRIVATE);
      assert.ok(!evidence.names.includes('ran'), 'the script was run');
      assert.match(log, /RUN_SH_GZ_B64 is ignored/);
      assert.doesNotMatch(log, /smoke-secret/);
      return told(ended, evidence);
    },
  },
];
