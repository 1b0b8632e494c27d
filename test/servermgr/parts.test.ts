import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { readSavedReport } from '../../src/report/saved-report.ts';
import { viewOfReport } from '../../src/servermgr/fleet/view.ts';
import { isRunning, parseIdentity } from '../../src/servermgr/launchers/local/process-identity.ts';
import { withLock } from '../../src/servermgr/lock.ts';
import { openSavedSessions } from '../../src/servermgr/saved-sessions.ts';
import { loadOrCreateSecret } from '../../src/servermgr/secret.ts';
import {
  idempotencyKey,
  isSessionName,
  nameMs,
  nameOf,
  newId,
  randomToken,
  requestedAtMs,
  visitorHash,
} from '../../src/servermgr/session-id.ts';
import { html } from '../../src/servermgr/web/html.ts';
import { addressText, bytesText, dashboardUrl, durationText } from '../../src/servermgr/web/labels.ts';
import { waitPage } from '../../src/servermgr/web/pages/wait.ts';
import { waitView } from '../../src/servermgr/web/pages/wait-view.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';

const signal = new AbortController().signal;
const silent = pino({ level: 'silent' });

test('an id tells its moment and its name, and cannot be guessed from the name', () => {
  const now = Date.parse('2026-11-22T12:34:56.789Z');
  const [one, two] = [newId(now), newId(now)];
  expect(requestedAtMs(one)).toBe(now);
  expect(nameOf(one)).toMatch(/^2026-11-22T12:34:56\.789Z-[0-9a-f]{8}$/);
  expect(nameOf(one)).not.toBe(nameOf(two));
  expect(isSessionName(nameOf(one) ?? '')).toBe(true);
  expect(nameMs(nameOf(one) ?? '')).toBe(now);
  expect(one.split('-').slice(1).join('-')).toHaveLength(22);
  for (const text of ['', 'x', `${one}x`, one.slice(1), '../../etc', `zzzzzzzzzz-${randomToken()}`])
    expect(nameOf(text)).toBeUndefined();
});

test('hashes tell visitors and launch requests apart, and give neither away', () => {
  const [visitor, token] = [randomToken(), randomToken()];
  const hashes = [visitorHash(visitor), idempotencyKey(visitor, token), idempotencyKey(token, visitor)];
  expect(new Set(hashes).size).toBe(3);
  // Containers' names begin with a letter or a digit.
  for (const hash of hashes) expect(hash).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{21}$/);
  expect(hashes.join()).not.toContain(visitor);
});

test('texts are escaped in elements and in attributes, markup is not', () => {
  const evil = `<script>"&'</script>`;
  expect(html`<a title="${evil}">${evil}</a>${[html`<b>${1}</b>`, undefined, false]}`.html).toBe(
    '<a title="&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;">&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;</a><b>1</b>',
  );
});

test('addresses, durations and sizes are told as people tell them', () => {
  expect(addressText({ host: '1.2.3.4', port: 25_565 })).toBe('1.2.3.4');
  expect(addressText({ host: 'localhost', port: 25_566 })).toBe('localhost:25566');
  expect(addressText({ host: '2001:db8::1', port: 25_566 })).toBe('[2001:db8::1]:25566');
  expect(dashboardUrl({ host: '1.2.3.4', port: 80 })).toBe('http://1.2.3.4');
  expect(dashboardUrl({ host: 'localhost', port: 25_565 })).toBe('http://localhost:25565');
  expect(dashboardUrl({ host: '2001:db8::1', port: 80 })).toBe('http://[2001:db8::1]');
  expect([9_400, 192_000, 7_500_000, -5].map(durationText)).toEqual([
    '9 s',
    '3 min 12 s',
    '2 h 5 min',
    '0 s',
  ]);
  expect([0, 999, 1_000, 12_345_678].map(bytesText)).toEqual(['0 B', '999 B', '1.0 kB', '12.3 MB']);
});

test('a process is known again by its pid and its start, and a pid that was given out again is another', async () => {
  const child = spawn('sleep', ['600']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  const identity = parseIdentity(await readFile(`/proc/${child.pid}/stat`, 'utf8'));
  expect(identity?.startTicks).toBeGreaterThan(0);
  if (identity === undefined) throw new Error('no identity');
  expect(isRunning(identity)).toBe(true);
  expect(isRunning({ ...identity, startTicks: (identity.startTicks ?? 0) - 1 })).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(isRunning(identity)).toBe(false);
  for (const text of ['', 'nonsense', '1', '-5']) expect(parseIdentity(text)).toBeUndefined();
  expect(parseIdentity('4711\n')).toEqual({ pid: 4711, startTicks: undefined });
});

test('under the lock only one is at work, and a lock that a dead process has left is taken away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lock-'));
  try {
    const lock = join(folder, '.lock');
    let atWork = 0;
    const most = await Promise.all(
      [1, 2, 3, 4, 5].map(() =>
        withLock(lock, async () => {
          atWork += 1;
          await stat(folder);
          const now = atWork;
          atWork -= 1;
          return now;
        }),
      ),
    );
    expect(most).toEqual([1, 1, 1, 1, 1]);
    await mkdir(lock);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    expect(await withLock(lock, async () => 'done')).toBe('done');
    await expect(withLock(lock, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withLock(lock, async () => 'done again')).toBe('done again');
    // Taken away by another process, for which the work took too long.
    expect(await withLock(lock, () => rm(lock, { recursive: true }).then(() => 'done all the same'))).toBe(
      'done all the same',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the secret is made once, is nobody else’s to read, and is the same for all who start at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'secret-'));
  try {
    const secrets = await Promise.all([
      loadOrCreateSecret(folder),
      loadOrCreateSecret(folder),
      loadOrCreateSecret(folder),
    ]);
    expect(new Set([...secrets, await loadOrCreateSecret(folder)]).size).toBe(1);
    expect(secrets[0]).toHaveLength(43);
    expect((await stat(join(folder, 'secret'))).mode & 0o777).toBe(0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a report that is damaged, or of another kind, breaks nothing; one that is whole is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'saved-'));
  try {
    const destination = openDirectoryStore(folder);
    const savedSessions = openSavedSessions(destination, silent);
    const today = nameOf(newId(Date.now())) ?? '';
    const put = (text: string) => destination.put(`${today}/session.json`, Buffer.from(text), { signal });
    for (const text of ['', '{', '[]', '{"end":{"by":1}}']) {
      await put(text);
      expect(await savedSessions.report(today, signal)).toBeUndefined();
    }
    const report = { end: { by: 'signal', text: 'SIGTERM was received' }, saved: 'lost', exitCode: 20 };
    await put(JSON.stringify({ ...report, startedAt: 'a', endedAt: 'b', more: {} }));
    expect(await savedSessions.report(today, signal)).toMatchObject({ saved: 'lost', exitCode: 20 });
    expect(await savedSessions.recent(Date.now(), signal)).toEqual([today]);

    // One that was cut off, in its journal at first, and recovered then: what is read last is what counts.
    const cutOff = nameOf(newId(Date.now() - 3 * 86_400_000)) ?? '';
    const putOther = (json: object) =>
      destination.put(`${cutOff}/session.json`, Buffer.from(JSON.stringify(json)), { signal });
    await putOther({ saved: 'journal', exitCode: 21, end: { by: 'signal', text: 'SIGTERM was received' } });
    expect(await savedSessions.report(cutOff, signal)).toMatchObject({ saved: 'journal' });
    const archive = { key: `${cutOff}/logs.tar.gz`, bytes: 7 };
    await putOther({
      ...{ saved: 'archive', recovered: true, coveredUntil: '2026-11-22T12:00:00Z', archive },
      names: { online: [], stays: [{ name: 'Alex', stays: [] }] },
    });
    expect(await savedSessions.report(cutOff, signal)).toEqual({
      by: undefined,
      text: 'it was cut off, and what it had recorded has been recovered',
      ...{ saved: 'archive', exitCode: undefined, startedMs: undefined, peak: undefined, archive },
      ...{ incomplete: [], players: ['Alex'] },
      endedMs: Date.parse('2026-11-22T12:00:00Z'),
    });
    expect(await savedSessions.recent(Date.now() + 3 * 86_400_000, signal)).toEqual([]);
    expect(await savedSessions.hasJournal(today, signal)).toBe(false);
    await destination.put(`${today}/journal/00000001.tar.gz`, Buffer.from('x'), { signal });
    expect(await savedSessions.hasJournal(today, signal)).toBe(true);
    expect(savedSessions.urlOf(today)).toBe(`file://${folder}/${encodeURI(today)}`);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the page tells what a report says may be missing, and takes reports that say nothing of it', () => {
  const pageOf = (fields: object) => {
    const report = readSavedReport(JSON.stringify({ saved: 'archive', exitCode: 0, ...fields }));
    const view = waitView(viewOfReport('2026-11-22', 0, report));
    return waitPage({ base: '', id: 'x', view, nowMs: 0, notice: undefined, own: undefined });
  };
  const line = /data-text="incomplete">(.*?)</;
  expect(line.exec(pageOf({ incomplete: ['the server was killed', 'the agent was killed'] }))?.[1]).toBe(
    'Some of what was played at its end may be missing.',
  );
  for (const old of [{}, { incomplete: 'yes' }]) expect(line.exec(pageOf(old))?.[1]).toBe('');
});

test('sessions are found by what they have saved, wherever that is; a claim alone is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'saved-'));
  try {
    const destination = openDirectoryStore(folder);
    const savedSessions = openSavedSessions(destination, silent);
    const nowMs = Date.now();
    const [claimed, lost, again, older] = [1, 2, 3, 4].map(n => nameOf(newId(nowMs - n)) ?? '');
    const put = (key: string, value: object) =>
      destination.put(key, Buffer.from(JSON.stringify(value)), { signal });
    const report = { saved: 'archive', exitCode: 0, end: { by: 'signal', text: 'SIGTERM was received' } };
    await put(`.sessions/${claimed}/claim.json`, {});
    await put(`.sessions/${claimed}/claims/5f0c6a52.json`, {});
    await put(`.sessions/${lost}/claim.json`, {});
    await put(`.sessions/${lost}.2/journal/00000001.tar.gz`, {});
    await put(`.sessions/${again}/session.json`, { ...report, exitCode: 12 });
    await put(`.sessions/${again}.5f0c6a52/session.json`, report);
    await put(`${older}/session.json`, report);

    expect(await savedSessions.recent(nowMs, signal)).toEqual([lost, again, older].sort().reverse());
    expect(await savedSessions.hasJournal(claimed ?? '', signal)).toBe(false);
    expect(await savedSessions.hasJournal(lost ?? '', signal)).toBe(true);
    expect(await savedSessions.report(lost ?? '', signal)).toBeUndefined();
    // Started again under the same TIMESTAMP: the later session is the one that its visitor has seen.
    expect(await savedSessions.report(again ?? '', signal)).toMatchObject({ exitCode: 0 });
    expect(await savedSessions.report(older ?? '', signal)).toMatchObject({ exitCode: 0 });
  } finally {
    await rm(folder, { recursive: true });
  }
});
