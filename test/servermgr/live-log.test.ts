/** @module-tag slow */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { segmentKey } from '../../src/journal/format/schema.ts';
import { openLiveLogs } from '../../src/servermgr/operators/live-logs.ts';
import { createLineReader } from '../../src/servermgr/operators/log-lines.ts';
import { nameOf, newId } from '../../src/servermgr/session-id.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/eventually.ts';
import { SILENT } from './support/fleet-parts.ts';
import { startJournal } from './support/live-journal.ts';
import { ADMIN_TOKEN } from './support/manager.ts';
import { basic, newVisitor } from './support/visitor.ts';
import { startWebApp, type WebApp } from './support/web-app.ts';

const asAdmin = { authorization: basic(ADMIN_TOKEN) };

test.concurrent('lines are cut out of bytes whatever they hold, and none grows without end', () => {
  const lines = createLineReader();
  const euro = Buffer.from('€');
  expect(lines.push(Buffer.concat([Buffer.from('one\ntwo '), euro.subarray(0, 1)]))).toEqual(['one']);
  expect(
    lines.push(Buffer.concat([euro.subarray(1), Buffer.from('\r\n\u001b[31mred\u001b[0m\u0000\t!\n')])),
  ).toEqual(['two €', 'red  !']);
  for (let turn = 0; turn < 100; turn += 1) expect(lines.push(Buffer.alloc(1_000, 'x'))).toEqual([]);
  expect(lines.push(Buffer.from('\n'))).toEqual([`${'x'.repeat(500)}…`]);
  expect(lines.push(Buffer.from('half'))).toEqual([]);
  expect([lines.cut(), lines.cut()]).toEqual([['half'], []]);
});

test.concurrent('a log is shown as it is written: its last lines at once, and each that follows, until it is over', async () => {
  await using app = await startWebApp({});
  const journal = await startJournal(app.folder, 40);
  const reader = await follow(app, journal.name);
  await eventually(() => reader.lines.at(-1) === 'line 399 <b>&');
  expect(reader.lines).toHaveLength(200);
  expect(reader.lines[0]).toBe('line 200 <b>&');
  // Without JavaScript: the page has them.
  const page = await newVisitor(app.url, asAdmin).text(`/admin/log?name=${encodeURIComponent(journal.name)}`);
  expect(page).toContain('line 399 &lt;b&gt;&amp;\n');
  expect(page.match(/^line /gm)?.length).toBeGreaterThan(190);
  expect(page).toContain('http-equiv="refresh"');
  await journal.write('and one more\n');
  await eventually(() => reader.lines.at(-1) === 'and one more');
  await journal.end();
  await eventually(() => reader.end !== undefined);
  expect(reader.end).toContain('The session is over');
  expect(
    await newVisitor(app.url, asAdmin).text(`/admin/log?name=${encodeURIComponent(journal.name)}`),
  ).toContain('The session is over');
});

test.concurrent('the logs of three sessions are read at once, and one that nobody looks at any more is none of them', async () => {
  await using app = await startWebApp({});
  const journals = await Promise.all([1, 2, 3, 4].map(() => startJournal(app.folder, 1)));
  const [first, , , fourth] = journals;
  const readers = await Promise.all(journals.slice(0, 3).map(({ name }) => follow(app, name)));
  await eventually(() => readers.every(({ lines }) => lines.length > 0));
  const again = await follow(app, first?.name ?? '');
  await eventually(() => again.lines.length > 0);
  expect((await open(app, fourth?.name ?? '')).status).toBe(503);
  expect(await newVisitor(app.url, asAdmin).text(`/admin/log?name=${fourth?.name}`)).toContain(
    'The logs of too many sessions are being read',
  );
  readers[1]?.leave();
  await eventually(async () => {
    const answer = await open(app, fourth?.name ?? '');
    await answer.body?.cancel();
    return answer.status === 200;
  });
  for (const each of [...readers, again]) each.leave();
});

test.concurrent('the reading of a journal ends when its last reader leaves', async () => {
  await using app = await startWebApp({});
  const journal = await startJournal(app.folder, 1);
  const store = openDirectoryStore(app.folder);
  const signals: AbortSignal[] = [];
  const watched: Store = {
    ...store,
    exists(key, signal) {
      signals.push(signal);
      return store.exists(key, signal);
    },
  };
  const liveLogs = openLiveLogs(watched, SILENT);
  const look = () => liveLogs.follow(journal.name, { lines: () => undefined, end: () => undefined });
  const leaves = [look(), look()];
  await eventually(() => signals.length > 2);
  leaves[0]?.();
  expect(signals.at(-1)?.aborted).toBe(false);
  leaves[1]?.();
  expect(signals.at(-1)?.aborted).toBe(true);
});

test.concurrent('what cannot be read is said, and nobody without the token reads anything', async () => {
  await using app = await startWebApp({});
  const name = nameOf(newId(Date.now())) ?? '';
  const none = await follow(app, name);
  await eventually(() => none.end?.startsWith('There is no journal'));
  const journal = await startJournal(app.folder, 3);
  await writeFile(join(app.folder, '.sessions', journal.name, 'journal', segmentKey(2)), 'no segment');
  const damaged = await follow(app, journal.name);
  await eventually(() => damaged.lines.some(line => line.includes(`${segmentKey(2)}: it is damaged`)));
  await eventually(() => damaged.lines.includes('line 29 <b>&'));
  damaged.leave();
  for (const path of ['/admin/log', '/admin/log/events']) {
    expect((await newVisitor(app.url).request(`${path}?name=${name}`)).status).toBe(401);
    expect((await newVisitor(app.url, asAdmin).request(`${path}?name=..`)).status).toBe(404);
  }
});

function open(app: WebApp, name: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${app.url}/admin/log/events?name=${encodeURIComponent(name)}`, {
    headers: asAdmin,
    ...(signal && { signal }),
  });
}

/** A browser that looks on. */
async function follow(app: WebApp, name: string) {
  const leaving = new AbortController();
  const answer = await open(app, name, leaving.signal);
  expect(answer.status).toBe(200);
  const seen = { lines: [] as string[], end: undefined as string | undefined, leave: () => leaving.abort() };
  void (async () => {
    let text = '';
    for await (const chunk of (answer.body as ReadableStream<Uint8Array>).pipeThrough(
      new TextDecoderStream(),
    )) {
      text += chunk;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const one of events) {
        const [, kind, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(one) ?? [];
        if (kind === 'end') seen.end = JSON.parse(data);
        if (kind === 'anew') seen.lines = JSON.parse(data);
        if (kind === 'lines') seen.lines = [...seen.lines, ...JSON.parse(data)].slice(-200);
      }
    }
  })().catch(() => undefined);
  return seen;
}
