/** @module-tag slow */

import { mkdir, mkdtemp, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startDetached } from '../../src/process/child.ts';
import { environmentOf, listProcesses } from '../../src/process/procfs.ts';
import type { LaunchRequest, Session } from '../../src/servermgr/launchers/launcher.ts';
import { type LocalOptions, openLocal } from '../../src/servermgr/launchers/local/local.ts';
import { openRecords } from '../../src/servermgr/launchers/local/records.ts';
import { startSupervisor } from '../../src/servermgr/launchers/local/supervisor.ts';
import { randomToken } from '../../src/servermgr/session-id.ts';
import { killNow } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { newRequest } from './support/launch-request.ts';
import { environmentIn, portRange, programPath, removeSessions } from './support/manager.ts';

const signal = new AbortController().signal;
const DAYS_MS = 24 * 3_600_000;

/** Instances of a launcher on this machine. @param words of the supervisor */
async function openFixture(...words: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'local-'));
  const home = join(folder, 'tests');
  const records = openRecords(home);
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) });
  const command = [process.execPath, programPath('supervisor.mjs'), ...words] as const;
  const settings = {
    kind: 'local' as const,
    gameHost: 'localhost',
    dashboard: false,
    supervisor: command,
    ports: await portRange(5),
  };
  const env = { PATH: process.env.PATH };
  const open = (changes: Partial<LocalOptions> = {}) =>
    openLocal(settings, { name: 'tests', stateFolder: folder, env, log, ...changes });
  return {
    home,
    records,
    said,
    command,
    open,
    request: (more: Record<string, string> = {}) =>
      newRequest({ env: { SESSION_DESTINATION: join(folder, 'archives'), ...more } }),
    /** A session whose supervisor listens. */
    async launch(request: LaunchRequest): Promise<{ session: Session; pid: number; folder: string }> {
      const session = await open().launch(request);
      const { idempotencyKey: key } = session;
      await environmentIn(join(home, key, 'work'));
      const pid = (await records.find(key))?.process?.pid ?? 0;
      return { session, pid, folder: join(home, key) };
    },
    [Symbol.asyncDispose]: () => removeSessions(folder, home),
  };
}

async function phaseOf(fixture: Awaited<ReturnType<typeof openFixture>>) {
  const [session] = await fixture.open().list(signal);
  return session?.state.phase;
}

/** All processes of a session, wherever they are. */
async function processesOf({ name }: LaunchRequest): Promise<readonly number[]> {
  const pids = (listProcesses() ?? []).map(({ pid }) => pid);
  const found = pids.map(async pid =>
    (await environmentOf(pid)).includes(`TIMESTAMP=${name}`) ? [pid] : [],
  );
  return (await Promise.all(found)).flat();
}

/** The supervisor, its child, and the daemon. */
async function hasFamily(request: LaunchRequest): Promise<void> {
  await eventually(async () => (await processesOf(request)).length >= 3);
}

/** A process that prints to a file, and says nothing. */
function startWriter(file: string) {
  const { pid } = startDetached({ command: ['/bin/sleep', '600'], cwd: '/', env: {}, logFile: file });
  if (pid === undefined) throw new Error('sleep was not started');
  return { [Symbol.dispose]: () => killNow(pid) };
}

test.concurrent('a stop whose instance died before it sent the signal is sent by another', async () => {
  await using fixture = await openFixture();
  const { session, folder } = await fixture.launch(fixture.request());
  await writeFile(join(folder, 'stop'), 'visitor');
  await fixture.open().stop(session, 'admin');
  await eventually(async () => (await phaseOf(fixture)) === 'ended');
  const [now] = await fixture.open().list(signal);
  expect(now?.state).toMatchObject({ stopped: 'visitor' });
});

test.concurrent('a session that is saving is asked again and again by several instances, and saves on', async () => {
  await using fixture = await openFixture('--saving');
  const { session, pid } = await fixture.launch(fixture.request());
  await Promise.all([1, 2, 3].map(() => fixture.open().stop(session, 'visitor')));
  for (let times = 0; times < 4; times += 1) {
    await delay(300);
    await fixture.open().stop(session, 'admin');
  }
  expect((await fixture.open().list(signal))[0]).toMatchObject({
    where: `process ${pid}`,
    state: { phase: 'ending', stopped: 'visitor' },
  });
});

test.concurrent('a session that hangs is killed when its stop timeout and a margin are over, with all that it has started', async () => {
  await using fixture = await openFixture('--family');
  const request = fixture.request({ SESSION_STOP_TIMEOUT: '500ms' });
  const { session, pid } = await fixture.launch(request);
  await hasFamily(request);
  process.kill(pid, 'SIGSTOP');
  await fixture.open().stop(session, 'too-old');
  await delay(600);
  await fixture.open().stop(session, 'too-old');
  await hasFamily(request);
  await fixture.open({ hangMarginMs: 0 }).stop(session, 'too-old');
  await eventually(async () => expect(await processesOf(request)).toEqual([]) ?? true);
  await eventually(async () => (await phaseOf(fixture)) === 'ended');
  expect(fixture.said.join('')).toContain('"event":"session_killed"');
});

test.concurrent('what a killed supervisor has left is killed before its session is removed', async () => {
  await using fixture = await openFixture('--family');
  const request = fixture.request();
  const { session, pid } = await fixture.launch(request);
  await hasFamily(request);
  process.kill(pid, 'SIGKILL');
  await eventually(async () => (await phaseOf(fixture)) === 'ended');
  await fixture.open().remove(session);
  expect(await processesOf(request)).toEqual([]);
  expect(await fixture.open().list(signal)).toEqual([]);
  expect((await readdir(fixture.home)).filter(name => !name.startsWith('.lock'))).toEqual([]);
});

test.concurrent('a session that was recorded and never started is started by the same request, once, by whichever instances', async () => {
  await using fixture = await openFixture();
  const request = fixture.request();
  const { first } = await portRange(1);
  await fixture.records.findOrCreate({ ...request, stopTimeoutMs: 120_000 }, async () => ({ port: first }));
  expect(await phaseOf(fixture)).toBe('requested');
  // By another press of the same button, too: the session keeps its name.
  const again = { ...fixture.request(), idempotencyKey: request.idempotencyKey };
  const sessions = await Promise.all(
    [request, request, again, request].map(each => fixture.open().launch(each)),
  );
  expect(new Set(sessions.map(({ id }) => id))).toEqual(new Set([request.id]));
  const env = await environmentIn(join(fixture.home, request.idempotencyKey, 'work'));
  expect(env).toMatchObject({ TIMESTAMP: request.name, SESSION_SERVER_ADDRESS: `127.0.0.1:${first}` });
  const known = (await fixture.records.find(request.idempotencyKey))?.process?.pid;
  await eventually(async () => expect(await processesOf(request)).toEqual([known]) ?? true);
  expect(await phaseOf(fixture)).toBe('running');
  expect(await readdir(join(fixture.home, request.idempotencyKey))).toEqual([
    'output.log',
    'process',
    'record.json',
    'work',
  ]);
});

test.concurrent('of several instances that start a supervisor at the same moment one does', async () => {
  await using fixture = await openFixture('--never');
  const request = fixture.request();
  const { first: port } = await portRange(1);
  const record = await fixture.records.findOrCreate({ ...request, stopTimeoutMs: 1 }, async () => ({ port }));
  const { command } = fixture;
  const env = { PATH: process.env.PATH };
  const starts = [1, 2, 3].map(() => startSupervisor(record, { command, env, request }));
  await environmentIn(join(record.folder, 'work'));
  const known = (await fixture.records.find(request.idempotencyKey))?.process?.pid;
  const others = starts.filter(({ pid }) => pid !== known);
  expect(others).toHaveLength(2);
  expect(await Promise.all(others.map(({ exited }) => exited))).toEqual([{ code: 75 }, { code: 75 }]);
  expect(await processesOf(request)).toEqual([known]);
});

test.concurrent('one that was never started and counts as ended is started on ports that are its own', async () => {
  await using fixture = await openFixture();
  const request = fixture.request();
  const { records } = fixture;
  const created = await records.findOrCreate({ ...request, stopTimeoutMs: 1 }, async () => ({ port: 1 }));
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(join(created.folder, 'record.json'), longAgo, longAgo);
  expect(await phaseOf(fixture)).toBe('ended');
  expect((await fixture.open().launch(request)).state.phase).toBe('requested');
  await eventually(async () => (await phaseOf(fixture)) === 'running');
  expect((await records.find(request.idempotencyKey))?.port).not.toBe(1);
});

test.concurrent('what crashes have left is cleared when it is a day old, and what holds anything is kept, and told once', async () => {
  await using fixture = await openFixture();
  const { home } = fixture;
  const longAgo = new Date(Date.now() - DAYS_MS - 60_000);
  const leave = async (key: string, isOld: boolean, files: Record<string, string> = {}) => {
    await mkdir(join(home, key, 'work'), { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(home, key, name), text);
    if (isOld) await utimes(join(home, key), longAgo, longAgo);
    return key;
  };
  const gone = [
    await leave(randomToken(), true),
    await leave(randomToken(), true, { 'record.json.part': '{' }),
    await leave('.removed-session', true, { 'output.log': '' }),
    'recovery-old.log',
  ];
  const kept = [
    await leave(randomToken(), false),
    await leave(randomToken(), true, { 'work/world': 'built' }),
    await leave(randomToken(), true, { 'output.log': 'said' }),
    'recovery-new.log',
    'recovery-written.log',
  ];
  for (const name of ['recovery-old.log', 'recovery-new.log']) await writeFile(join(home, name), '');
  await utimes(join(home, 'recovery-old.log'), longAgo, longAgo);
  const { session } = await fixture.launch(fixture.request());
  kept.push(session.idempotencyKey);
  await utimes(join(home, session.idempotencyKey), longAgo, longAgo);
  // As that of a recovery that says nothing for a day: that of a process that runs.
  using _ = startWriter(join(home, 'recovery-written.log'));
  await utimes(join(home, 'recovery-written.log'), longAgo, longAgo);
  await mkdir(join(home, '.lock'));
  await utimes(join(home, '.lock'), longAgo, longAgo);

  const launcher = fixture.open();
  await launcher.list(signal);
  await eventually(async () => {
    expect((await readdir(home)).toSorted()).toEqual(kept.toSorted());
    return true;
  });
  expect(gone).toHaveLength(4);
  expect(await readFile(join(home, kept[1] ?? '', 'work/world'), 'utf8')).toBe('built');
  const isTold = () => fixture.said.filter(line => line.includes('"event":"leftover_kept"')).length === 2;
  await eventually(isTold);
});
