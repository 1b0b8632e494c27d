import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { readEvidence } from '../evidence.ts';
import { type Case, session } from './case.ts';

/** Requests to a running session: the image's health check, and the console. */
export const health: readonly Case[] = [
  {
    name: "the image's health check, and the console",
    async run({ start, store }) {
      const running = await start(['--health-interval=1s', ...session('wait 600')]);
      await running.logged('"event":"process_started","child":"agent"');
      await running.exec('craftassist-session', 'console', 'say', 'hello');
      await eventually(async () => (await running.health()) === 'healthy', { timeoutMs: 30_000 });
      const ending = running.ended();
      await running.stop(30);
      assert.equal((await ending).code, 0);
      assert.match((await readEvidence(store, 'test')).file('cuberite_process.log'), /\[SERVER\] hello/);
      return 'healthy while it ran';
    },
  },
];
