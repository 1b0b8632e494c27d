import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { assertLinesWhole, gather, PREFIX } from '../evidence.ts';
import { BUCKET, type Performance, type Theatre } from '../theatre.ts';
import { type Case, session } from './case.ts';

const PLACE = `s3://${BUCKET}/${PREFIX}`;

/** Plays until so many lines of the agent are in the journal, and destroys the container. */
async function destroyed({ start, store }: Theatre): Promise<Performance> {
  const lost = await start(session('join agent,join Walker,wait 600'));
  const segments = async () =>
    (await store.state()).objects.filter(({ key }) => /\/journal\/\d+\.tar\.gz$/.test(key)).length;
  await eventually(async () => (await segments()) >= 3, { timeoutMs: 60_000 });
  await lost.kill();
  assert.equal((await lost.ended()).code, 137);
  return lost;
}

/** A container that vanishes, and another one that recovers what was on its disk. */
export const kills: readonly Case[] = [
  {
    name: 'docker kill -s KILL, and recovery from another container',
    async play(theatre) {
      await destroyed(theatre);
      const { start, store } = theatre;
      const recovery = await start(session(''), 'recover', '--force', `${PLACE}/test`);
      assert.equal((await recovery.ended()).code, 0, await recovery.log());
      const evidence = await gather(store, 'test');
      assertLinesWhole(evidence);
      assert.ok(evidence.names.includes('cuberite_process.log'));
      return `${evidence.names.length} entries, ${evidence.file('agent.log').split('\n').length} lines of the agent recovered`;
    },
  },
  {
    name: 'a session that is still played is left alone by a recovery of all',
    async play({ start, store }) {
      const live = await start(session('wait 600'));
      await live.logged('"event":"process_started","child":"agent"');
      await eventually(async () =>
        (await store.state()).objects.some(({ key }) => key.includes('/journal/')),
      );
      const recovery = await start(session(''), 'recover', '--all', PLACE);
      assert.equal((await recovery.ended()).code, 0, await recovery.log());
      assert.match(await recovery.log(), /still being written/);
      const ending = live.ended();
      await live.stop(20);
      assert.equal((await ending).code, 0);
      await gather(store, 'test');
      return 'left alone, and saved at its own end';
    },
  },
];
