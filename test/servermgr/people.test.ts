import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from '@sinonjs/fake-timers';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createToldPeople } from '../../src/servermgr/fleet/people.ts';
import type { Session } from '../../src/servermgr/launchers/launcher.ts';
import { openSavedSessions } from '../../src/servermgr/saved-sessions.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { newRequest } from './support/launch-request.ts';

const signal = new AbortController().signal;
const LOOKED_AT = { signal, isLookedAt: () => true };
const NOT_LOOKED_AT = { signal, isLookedAt: () => false };

function running(): Session {
  const address = { host: '127.0.0.1', port: 1 };
  const state = { phase: 'running', address, pingAddress: address, dashboard: undefined } as const;
  return { ...newRequest(), where: 'a task', state: { ...state, sinceMs: 1 }, costPerHour: undefined };
}

/** Those of so many sessions that run, by a clock that stands. */
async function createStand(count: number) {
  const folder = await mkdtemp(join(tmpdir(), 'people-'));
  const sessions = Array.from({ length: count }, running);
  await Promise.all(sessions.map(({ id }) => writeStatus(folder, id)));
  const clock = install({ toFake: ['Date'], now: 1_000_000 });
  const log = pino({ level: 'silent' });
  const people = createToldPeople(openSavedSessions(openDirectoryStore(folder), log), log);
  return {
    ...{ sessions, people },
    /** How many are read in so many seconds, by a call a second. */
    async readIn(seconds: number, options = LOOKED_AT): Promise<number> {
      let read = 0;
      for (let second = 0; second < seconds; second += 1) {
        read += (await people.readDue(sessions, options)).length;
        clock.tick(1_000);
      }
      return read;
    },
    async [Symbol.asyncDispose]() {
      clock.uninstall();
      await rm(folder, { recursive: true });
    },
  };
}

/** What a session's journal tells of its people. */
async function writeStatus(folder: string, id: string): Promise<void> {
  const journal = join(folder, '.sessions', nameOf(id) ?? id, 'journal');
  await mkdir(journal, { recursive: true });
  const people = { present: 1, dashboard: 0, peak: 1 };
  await writeFile(join(journal, 'status.json'), JSON.stringify({ state: 'writing', people }));
}

test('a session that somebody looks at is read every five seconds, and others once a minute', async () => {
  await using stand = await createStand(1);
  expect(await stand.readIn(60)).toBe(12);
  expect(await stand.readIn(300, NOT_LOOKED_AT)).toBe(5);
});

test('however many sessions run, no more than twenty a second are read, and each of them in turn', async () => {
  await using stand = await createStand(1_000);
  // The first round is quicker: nothing is known yet.
  expect(await stand.readIn(50)).toBe(1_000);
  expect(stand.sessions.every(({ id }) => stand.people.get(id)?.present === 1)).toBe(true);
  expect((await stand.readIn(200)) / 200).toBeLessThanOrEqual(20);
});

test('when the server shows another number of players, its session is read soon, and until it has told', async () => {
  await using stand = await createStand(1_000);
  await stand.readIn(50);
  const { people, sessions } = stand;
  const [one] = sessions as [Session, ...Session[]];
  for (const { id } of sessions) people.noteOnline(id, 2);
  await stand.readIn(50);
  people.noteOnline(one.id, 3);
  const read: string[] = [];
  for (let second = 0; second < 15; second += 1) {
    read.push(...(await people.readDue(sessions, LOOKED_AT)));
    await stand.readIn(1, NOT_LOOKED_AT);
  }
  expect(read.filter(id => id === one.id).length).toBeGreaterThanOrEqual(2);
});
