import { pino } from 'pino';
import { expect, test } from 'vitest';
import { openParticipations } from '../../../src/servermgr/database/participations.ts';
import { openStudies } from '../../../src/servermgr/database/studies.ts';
import { createIdentities } from '../../../src/servermgr/studies/identities.ts';
import { createLaunching } from '../../../src/servermgr/studies/launching.ts';
import type { Participation } from '../../../src/servermgr/studies/participation.ts';
import type { Study, StudySettings } from '../../../src/servermgr/studies/study.ts';
import { openFleetOn } from '../support/ecs-fleet.ts';

const SETTINGS: StudySettings = {
  ...{ platforms: [], world: 'flat_world', lengthMinutes: 30, minimumMinutes: 10, waitMinutes: 15 },
  ...{ sessionsPerParticipant: 1, seats: 3, ids: 'hashed', minecraftNames: false },
  codes: {
    ...{ finished: 'DONE', incomplete: '', 'no-consent': '' },
    ...{ 'waited-too-long': '', technical: '', surplus: '' },
  },
};

/** Somebody who waits for a session, in a fleet with places. */
async function openQueue() {
  const on = await openFleetOn({});
  const studies = openStudies(on.database);
  const participations = openParticipations(on.database);
  const identities = createIdentities('s'.repeat(32));
  const texts = { consent: 'What it is.', instructions: 'What to do.' };
  const number = await studies.create({ name: 'A study', settings: SETTINGS, texts }, Date.now());
  const study = (await studies.find(number)) as Study;
  const identity = { study: number, source: 'link' as const, person: 'anna', submission: 'anna' };
  const arrival = { identity, keys: identities.keysOf(identity), sealed: identities.seal(identity) };
  const entry = await participations.admit(
    study,
    { ...arrival, verified: 'unasked', textVersion: 1 },
    Date.now(),
  );
  if (entry.kind !== 'active') throw new Error(`she is ${entry.kind}`);
  const { id } = entry.participation;
  await participations.enqueue(id, Date.now());
  const options = { fleet: on.fleet, participations, identities, longestMs: 3_600_000 };
  return {
    ...{ on, participations, study, id },
    now: async () => (await participations.find(id)) as Participation,
    /** One instance of several gives those in the queue, as it knows it, their sessions. */
    launch: (queue: readonly Participation[]) =>
      createLaunching({ ...options, log: pino({ level: 'silent' }) }).launch(
        queue,
        new Map([[number, study]]),
      ),
    [Symbol.asyncDispose]: () => on[Symbol.asyncDispose](),
  };
}

test('an instance that has not heard yet that somebody has a session leaves them that session', async () => {
  await using queue = await openQueue();
  const before = await queue.now();
  await queue.launch([before]);
  const { session } = await queue.now();
  expect(session).toBeDefined();
  await queue.launch([before]);
  expect(await queue.now()).toMatchObject({ state: 'playing', session });
  expect(queue.on.fleet.peek(session ?? '')?.phase).not.toBe('ending');
});

test('the session of somebody who has left meanwhile is ended', async () => {
  await using queue = await openQueue();
  const before = await queue.now();
  await queue.participations.end(queue.study, queue.id, 'waited-too-long', Date.now());
  await queue.launch([before]);
  const [view] = (await queue.on.fleet.snapshot()).views;
  expect(view?.phase).toMatch(/^end/);
});

test('a session that was taken away is not given back by an instance that has not heard of it', async () => {
  await using queue = await openQueue();
  const before = await queue.now();
  await queue.launch([before]);
  await queue.participations.takeAway(await queue.now());
  await queue.launch([before]);
  expect(await queue.now()).toMatchObject({ state: 'waiting', session: undefined, launches: 1 });
});
