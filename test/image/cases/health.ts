import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { gather } from '../evidence.ts';
import { type Case, session } from './case.ts';

/** What reaches a running session from outside: the image's health check, and the console. */
export const health: readonly Case[] = [
  {
    name: "the image's health check, and the console",
    async play({ start, store }) {
      const played = await start(['--health-interval=1s', ...session('wait 600')]);
      await played.logged('"event":"process_started","child":"agent"');
      await played.exec('craftassist-session', 'console', 'say', 'hello');
      await eventually(async () => (await played.health()) === 'healthy', { timeoutMs: 30_000 });
      const ending = played.ended();
      await played.stop(30);
      assert.equal((await ending).code, 0);
      assert.match((await gather(store, 'test')).file('cuberite_process.log'), /\[SERVER\] hello/);
      return 'healthy while it was played';
    },
  },
];
