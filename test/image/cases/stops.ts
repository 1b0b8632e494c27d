import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { BUCKET, type ContainerSession, type Store } from '../container-session.ts';
import { assertAlone, assertRan, type Evidence, PREFIX, readEvidence } from '../evidence.ts';
import { type Case, describeEnd, SLOW_STORE, session } from './case.ts';

/** Much less than ECS gives, and enough for a busy machine. */
const TIMEOUT_S = 40;
const timeout = `SESSION_STOP_TIMEOUT=${TIMEOUT_S}s`;

interface Stop {
  /** Settles at the moment of the stop. */
  readonly when: (session: ContainerSession) => Promise<unknown>;
  readonly verify?: (evidence: Evidence) => void;
}

/** A session that is stopped as ECS stops it. */
function stopsWhile(phase: string, options: readonly string[], { when, verify }: Stop): Case {
  return {
    name: `docker stop while it is ${phase}`,
    async run({ start, store }) {
      await store.setFaults(SLOW_STORE);
      const session = await start(options);
      await when(session);
      const ending = session.ended();
      await session.stop(TIMEOUT_S);
      const ended = await ending;
      assert.equal(ended.code, 0, await session.log());
      const evidence = await readEvidence(store, 'test');
      assert.equal(evidence.report.end.by, 'signal');
      assertAlone(ended);
      verify?.(evidence);
      return describeEnd(ended, evidence);
    },
  };
}

async function archiving(store: Store): Promise<void> {
  const isUnderWay = async () =>
    (await store.state()).uploads.some(({ key }) => key.endsWith('/logs.tar.gz'));
  await eventually(isUnderWay, { timeoutMs: 60_000 });
}

/** `docker stop`, with the time that ECS gives, in each phase of a session. */
export const stops: readonly Case[] = [
  stopsWhile('starting', session('wait 600', timeout, 'SERVER_START_MS=6000'), {
    when: session => session.logged('"event":"process_started","child":"server"'),
  }),
  stopsWhile('waiting', session('wait 600', timeout), {
    // Its interpreter may take seconds to come to its first line.
    when: session => eventually(() => session.exec('grep', '--max-count=1', 'alive', 'agent.log')),
    verify: assertRan,
  }),
  stopsWhile('playing', session('join agent,join Walker,wait 600', timeout), {
    when: session => session.logged('"event":"players_changed","people":1'),
    verify: assertRan,
  }),
  {
    name: 'docker stop while it is archiving',
    async run({ start, store }) {
      await store.setFaults([{ match: { operation: 'UploadPart' }, do: 'slow', bytesPerSecond: 6_000_000 }]);
      const filling = await start(session('fill 24,exit 0', timeout));
      await archiving(store);
      const ending = filling.ended();
      await filling.stop(TIMEOUT_S);
      const ended = await ending;
      assert.equal(ended.code, 0, await filling.log());
      const evidence = await readEvidence(store, 'test');
      assert.equal(evidence.report.end.by, 'agent-exited');
      assertAlone(ended);
      return describeEnd(ended, evidence);
    },
  },
  {
    name: 'docker stop while it is archiving to a store that stalls',
    async run({ start, store }) {
      await store.setFaults([{ match: { operation: 'UploadPart' }, do: 'stall' }]);
      const stalled = await start(session('fill 24,exit 0', 'SESSION_STOP_TIMEOUT=20s'));
      await archiving(store);
      const ending = stalled.ended();
      const askedMs = performance.now();
      await stalled.stop(40);
      const seconds = (performance.now() - askedMs) / 1_000;
      const ended = await ending;
      assert.equal(ended.code, 21, await stalled.log());
      assert.deepEqual((await store.state()).uploads, [], 'uploads were left open');
      assertAlone(ended);
      await store.setFaults([]);
      const recovery = await start(session(''), 'recover', `s3://${BUCKET}/${PREFIX}/test`);
      const recovered = await recovery.ended();
      assert.equal(recovered.code, 0, await recovery.log());
      const evidence = await readEvidence(store, 'test');
      assert.ok(evidence.file('noise.bin').length > 0);
      return `exit 21 after ${seconds.toFixed(1)} s of 20, recovered with ${describeEnd(recovered, evidence)}`;
    },
  },
];
