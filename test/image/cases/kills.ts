import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { BUCKET, type ContainerFixture } from '../container-session.ts';
import { assertLinesWhole, PREFIX, readEvidence } from '../evidence.ts';
import { type Case, session } from './case.ts';

const DESTINATION = `s3://${BUCKET}/${PREFIX}`;

/** Runs a session until its journal has three segments, and kills the container. */
async function runAndKill({ start, store }: ContainerFixture): Promise<void> {
  const killed = await start(session('join agent,join Walker,wait 600'));
  const segments = async () =>
    (await store.state()).objects.filter(({ key }) => /\/journal\/\d+\.tar\.gz$/.test(key)).length;
  await eventually(async () => (await segments()) >= 3, { timeoutMs: 60_000 });
  await killed.kill();
  assert.equal((await killed.ended()).code, 137);
}

/** Containers that are killed or still run, and recoveries from other containers. */
export const kills: readonly Case[] = [
  {
    name: 'docker kill -s KILL, and recovery from another container',
    async run(fixture) {
      await runAndKill(fixture);
      const { start, store } = fixture;
      const recovery = await start(session(''), 'recover', '--force', `${DESTINATION}/test`);
      assert.equal((await recovery.ended()).code, 0, await recovery.log());
      const evidence = await readEvidence(store, 'test');
      assertLinesWhole(evidence);
      assert.ok(evidence.names.includes('cuberite_process.log'));
      return `${evidence.names.length} entries, ${evidence.file('agent.log').split('\n').length} lines of the agent recovered`;
    },
  },
  {
    name: 'a session that still runs is left alone by a recovery of all',
    async run({ start, store }) {
      const live = await start(session('wait 600'));
      await live.logged('"event":"process_started","child":"agent"');
      await eventually(async () =>
        (await store.state()).objects.some(({ key }) => key.includes('/journal/')),
      );
      const recovery = await start(session(''), 'recover', '--all', DESTINATION);
      assert.equal((await recovery.ended()).code, 0, await recovery.log());
      assert.match(await recovery.log(), /still being written/);
      const ending = live.ended();
      await live.stop(20);
      assert.equal((await ending).code, 0);
      await readEvidence(store, 'test');
      return 'left alone, and saved at its own end';
    },
  },
];
