#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { startJournal } from '../../src/journal/writer/journal.ts';
// Keeps a journal of a folder in another folder, until it is killed or its stdin ends.
import { openDirectoryStore } from '../../src/store/directory.ts';
import { withRetry } from '../../src/store/with-retry.ts';

const [work = '', store = '', interval = '100'] = process.argv.slice(2);
const journal = startJournal({
  selection: { root: work, include: [], exclude: [], excludedPaths: [] },
  intervalMs: Number(interval),
  rewriteIntervalMs: 500,
  heartbeatMs: 60_000,
  scratch: tmpdir(),
  destination: withRetry(openDirectoryStore(store)),
  prefix: 'now/journal',
  run: randomUUID(),
  ifAbsent: true,
  heedsFences: true,
  sinceMs: Date.now(),
  about: {
    session: 'now',
    archiveName: 'logs.tar.gz',
    codec: 'gzip',
    include: [],
    exclude: [],
    version: 'test',
  },
  onProblem: problem => console.error(problem),
});
for await (const _ of process.stdin);
await journal.finish(new AbortController().signal);
