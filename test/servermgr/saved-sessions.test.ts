import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createReports } from '../../src/servermgr/fleet/reports.ts';
import type { Session } from '../../src/servermgr/launchers/launcher.ts';
import { openSavedSessions } from '../../src/servermgr/saved-sessions.ts';
import { nameOf, newId } from '../../src/servermgr/session-id.ts';
import { openTestStore } from '../store/s3/support.ts';
import { type S3ServerOptions, startS3Server } from '../support/s3-server.ts';

const signal = new AbortController().signal;
const MINUTE = 60_000;

/** A bucket, seen by servermgr, and by somebody who may do everything. */
async function stage(options: S3ServerOptions = {}) {
  const server = await startS3Server(options);
  onTestFinished(() => server.close());
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: line => void lines.push(line) });
  const store = await openTestStore(server.url);
  const savedSessions = openSavedSessions(store, log);
  onTestFinished(() => savedSessions.close());
  const put = (key: string, value: object = {}) =>
    store.put(key, Buffer.from(JSON.stringify(value)), { signal });
  return { server, savedSessions, put, log, events: () => lines.map(line => JSON.parse(line).event) };
}

function newSession() {
  const id = newId(Date.now());
  return { id, name: nameOf(id) ?? '' };
}

function reportOf(exitCode: number) {
  return { saved: 'archive', exitCode, end: { by: 'signal', text: `exit ${exitCode}` } };
}

/** The clock stands still until it is set; timers go on. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
}

test('a session that is started again under its name is seen within a minute, at the price of a look', async () => {
  stopClock();
  const { server, savedSessions, put } = await stage();
  const { name } = newSession();
  await put(`.sessions/${name}/session.json`, reportOf(12));
  expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 12 });

  await put(`.sessions/${name}.2/session.json`, reportOf(0));
  const before = server.requests.length;
  for (let look = 0; look < 20; look += 1)
    expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 12 });
  expect(server.requests).toHaveLength(before);
  vi.setSystemTime(Date.now() + MINUTE);
  expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 0 });

  // Where a store ignores conditions, its name ends in eight digits of its run.
  await put(`.sessions/${name}.5f0c6a52/session.json`, reportOf(20));
  vi.setSystemTime(Date.now() + MINUTE);
  expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 20 });
});

test('a report beside that of another run of the name is found', async () => {
  const { savedSessions, put } = await stage();
  const { name } = newSession();
  await put(`.sessions/${name}/session.json`, reportOf(12));
  await put(`.sessions/${name}/session.2.json`, reportOf(0));
  expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 0 });
});

test('the fleet shows the report of a session that was started again, and ended once more', async () => {
  stopClock();
  const { savedSessions, put, log } = await stage();
  const { id, name } = newSession();
  const session: Session = {
    ...{ id, idempotencyKey: '', visitorHash: '', world: '', attempt: 1, where: '', costPerHour: 0 },
    state: {
      ...{ phase: 'ended', atMs: undefined, why: undefined, exitCode: 0 },
      ...{ stopped: undefined, lackedCapacity: false },
    },
  };
  const reports = createReports(savedSessions, log);
  await put(`.sessions/${name}/session.json`, reportOf(12));
  await reports.readDue([session], signal);
  expect(reports.get(id)).toMatchObject({ exitCode: 12 });
  await put(`.sessions/${name}.2/session.json`, reportOf(0));
  vi.setSystemTime(Date.now() + 2 * MINUTE);
  await reports.readDue([session], signal);
  expect(reports.get(id)).toMatchObject({ exitCode: 0 });
});

test('a report that is known stays while the destination cannot be read', async () => {
  stopClock();
  const { server, savedSessions, put } = await stage();
  const { name } = newSession();
  await put(`.sessions/${name}/session.json`, reportOf(12));
  expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 12 });
  server.setFaults([{ do: 'error', status: 404, code: 'NoSuchBucket' }]);
  vi.setSystemTime(Date.now() + MINUTE);
  expect(await savedSessions.report(name, signal)).toMatchObject({ exitCode: 12 });
});

test('what earlier versions left beside an archive is found, an experiment’s as well, by one listing of them all', async () => {
  stopClock();
  const { server, savedSessions, put } = await stage();
  const [plain, ofExperiment, cutOff, gone] = Array.from({ length: 4 }, () => newSession().name);
  await put(`${plain}/session.json`, reportOf(12));
  await put(`${plain}/session.2.json`, reportOf(13));
  await put(`${plain}/session.3.json`, reportOf(14));
  await put(`turk/4711/${ofExperiment}/session.json`, reportOf(10));
  await put(`turk/4711/${ofExperiment}/session.2.json`, reportOf(0));
  await put(`turk/4712/${cutOff}/journal.2/00000001.tar.gz`);
  await put(`turk/4712/${newSession().name}/logs.tar.gz`);

  expect(await savedSessions.report(plain ?? '', signal)).toMatchObject({ exitCode: 14 });
  expect(await savedSessions.report(ofExperiment ?? '', signal)).toMatchObject({ exitCode: 0 });
  const names = [plain, ofExperiment, cutOff].map(name => name ?? '');
  expect(await savedSessions.recent(Date.now(), signal)).toEqual(names.sort().reverse());
  expect(await savedSessions.hasJournal(cutOff ?? '', signal)).toBe(true);
  expect(await savedSessions.hasJournal(ofExperiment ?? '', signal)).toBe(false);
  expect(await savedSessions.folderOf(cutOff ?? '', signal)).toBe(`turk/4712/${cutOff}`);
  expect(await savedSessions.folderOf(plain ?? '', signal)).toBe(plain);

  const lists = () => server.counts.ListObjectsV2 ?? 0;
  const before = lists();
  for (let look = 0; look < 10; look += 1)
    expect(await savedSessions.report(gone ?? '', signal)).toBeUndefined();
  expect(lists() - before).toBe(3 * 10);
  await put(`turk/4713/${gone}/session.json`, reportOf(0));
  vi.setSystemTime(Date.now() + 5 * MINUTE);
  expect(await savedSessions.report(gone ?? '', signal)).toMatchObject({ exitCode: 0 });
});

test('without the right to list, reports are read by their names, and that others are not found is told once', async () => {
  const { savedSessions, put, events } = await stage({ mayList: false });
  const [first, third, killed, earlier, none] = Array.from({ length: 5 }, () => newSession().name);
  await put(`.sessions/${first}/session.json`, reportOf(1));
  for (const [n, code] of Object.entries({ '': 1, '.2': 2, '.3': 3 }))
    await put(`.sessions/${third}${n}/session.json`, reportOf(code));
  await put(`.sessions/${killed}.2/session.json`, reportOf(2));
  await put(`${earlier}/session.json`, reportOf(1));
  await put(`${earlier}/session.2.json`, reportOf(2));
  const codes = [first, third, killed, earlier, none].map(
    async name => (await savedSessions.report(name ?? '', signal))?.exitCode,
  );
  expect(await Promise.all(codes)).toEqual([1, 3, 2, 2, undefined]);
  expect(await savedSessions.recent(Date.now(), signal)).toEqual([]);
  expect(await savedSessions.hasJournal(none ?? '', signal)).toBe(false);
  expect(await savedSessions.folderOf(first ?? '', signal)).toBe(first);
  expect(events()).toEqual(['listing_denied']);
});

test('a bucket that is not there is no missing right', async () => {
  const { server, savedSessions, events } = await stage();
  server.setFaults([{ do: 'error', status: 404, code: 'NoSuchBucket' }]);
  await expect(savedSessions.report(newSession().name, signal)).rejects.toThrow('NoSuchBucket');
  expect(events()).toEqual([]);
});
