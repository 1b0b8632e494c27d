/** @module-tag slow */

import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CatalogueRecord } from '../../src/cli/catalogue-rows.ts';
import type { Finding, FindingKind } from '../../src/verify/finding.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { startS3Server } from '../support/s3-server.ts';
import { openSessionFixture, type SessionFixture } from '../support/session.ts';
import {
  type EndingName,
  multiplied,
  playEveryEnding,
  type SessionObject,
  type SessionObjects,
} from '../support/sessions-of-every-ending.ts';

/** What is shown of each ending. */
const SHOWN: Readonly<Record<EndingName, Partial<CatalogueRecord>>> = {
  saved: { state: 'saved', end: 'agent-exited', exitCode: 0, why: null },
  failed: { state: 'saved', end: 'agent-exited', exitCode: 12 },
  neverReady: { state: 'saved', end: 'server-never-ready', exitCode: 10 },
  ofExperiment: { state: 'saved', experiment: '4711' },
  killed: { state: 'journal', end: 'cut-off', exitCode: null },
  recovered: { state: 'saved', end: 'cut-off', exitCode: null },
  inJournal: { state: 'journal', end: 'agent-exited', exitCode: 21 },
  lost: { state: 'lost', end: 'agent-exited', exitCode: 20 },
  claimOnly: { state: 'incomplete', end: null, why: expect.stringContaining('only its claim') },
  archiveOnly: { state: 'saved', experiment: '4711', why: 'it has no report' },
  archiveGone: { state: 'missing', why: 'its archive is not where its report says' },
  archiveCut: { state: 'damaged', why: expect.stringMatching(/^its archive has \d+ bytes, and \d+ by/) },
  damaged: { state: 'damaged', end: 'cut-off', why: 'one fault, as its report tells' },
  reportCut: { state: 'saved', why: expect.stringMatching(/session\.json is no report$/) },
  reportNewer: { state: 'saved', newerFormat: 2, end: null },
};

const MANY = 10_000;
/** As many of each ending. */
const SOME = 1_200;
const LATENCY_MS = 20;

let endings: Readonly<Record<EndingName, SessionObjects>>;

beforeAll(async () => {
  endings = await playEveryEnding();
});

interface Run {
  readonly code: number | null;
  readonly records: readonly CatalogueRecord[];
  readonly stderr: string;
  readonly ms: number;
}

async function openPlace(): Promise<SessionFixture> {
  const fixture = await openSessionFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  return fixture;
}

async function list(fixture: SessionFixture, env: Record<string, string>, ...args: string[]): Promise<Run> {
  const started = performance.now();
  const command = fixture.start(
    { XDG_CACHE_HOME: join(fixture.sessions, '../cache'), ...env },
    'ls',
    ...args,
  );
  const { code } = await command.ended();
  const lines = command.stdout().split('\n').filter(Boolean);
  const records = lines.map((line): CatalogueRecord => JSON.parse(line));
  return { code, records, stderr: command.stderr(), ms: performance.now() - started };
}

async function putIntoFolder(folder: string, objects: Iterable<SessionObject>): Promise<void> {
  for (const { key, body, modifiedMs } of objects) {
    const file = join(folder, key);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, body);
    await utimes(file, modifiedMs / 1_000, modifiedMs / 1_000);
  }
}

function* below(prefix: string, objects: Iterable<SessionObject>): Generator<SessionObject> {
  for (const object of objects) yield { ...object, key: `${prefix}/${object.key}` };
}

async function serve(objects: Iterable<SessionObject>) {
  const s3 = await startS3Server({ objects: below('sessions', objects) });
  onTestFinished(() => s3.close());
  return s3;
}

/** The endings in the order in which `multiplied` gives them, the earliest first. */
function expectEveryEnding(records: readonly CatalogueRecord[], expected: object = SHOWN): void {
  const shown = Object.fromEntries(Object.entries(SHOWN).map(([name], index) => [name, records[index]]));
  expect(shown).toMatchObject(expected);
}

describe('a session of every ending', () => {
  const count = Object.keys(SHOWN).length;

  test('is told in a folder as it lies there', async () => {
    const fixture = await openPlace();
    await putIntoFolder(fixture.sessions, multiplied(endings, count));
    const run = await list(fixture, {}, '--json', '--reverse', '--sort', 'session', fixture.sessions);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    // They were saved to S3, and copied from there.
    const archiveGone = { state: 'saved', why: expect.stringMatching(/^at s3:.* not looked at$/) };
    expectEveryEnding(run.records, { ...SHOWN, archiveGone });
  });

  test('is told in S3 as it lies there, by whoever may only read', async () => {
    const fixture = await openPlace();
    const s3 = await serve(multiplied(endings, count));
    const run = await list(
      fixture,
      s3Environment(s3),
      '--json',
      '--reverse',
      '--sort',
      'session',
      's3://bucket/sessions',
    );
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expectEveryEnding(run.records);
    expect(Object.keys(s3.counts).sort()).toEqual(['GetObject', 'HeadObject', 'ListObjectsV2']);
  });
});

describe(`${MANY} sessions`, { tags: ['alone'], timeout: 600_000 }, () => {
  const args = ['--json', '--reverse', '--sort', 'session'];
  /** On a machine that does nothing else; one that is busy with the tests' store as well takes longer. */
  const [firstMs, againMs] = [60_000, 6_000];

  test('of a store that takes 20 ms an answer are listed in time, and from the cache at once', async () => {
    const fixture = await openPlace();
    const s3 = await serve(multiplied(endings, MANY));
    s3.setFaults([{ do: 'delay', delayMs: LATENCY_MS }]);
    const first = await list(fixture, s3Environment(s3), ...args, 's3://bucket/sessions');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.records).toHaveLength(MANY);
    expectEveryEnding(first.records);
    const { GetObject: reads = 0, ListObjectsV2: lists = 0 } = s3.counts;
    const again = await list(fixture, s3Environment(s3), ...args, 's3://bucket/sessions');
    expect(again.records).toEqual(first.records);
    expect(s3.counts).toMatchObject({ GetObject: reads, ListObjectsV2: 2 * lists });
    expect(first.ms).toBeLessThan(firstMs);
    expect(again.ms).toBeLessThan(againMs);
  });

  test('of a folder are listed in time, and the same ones again', async () => {
    const fixture = await openPlace();
    await putIntoFolder(fixture.sessions, multiplied(endings, MANY));
    const first = await list(fixture, {}, ...args, fixture.sessions);
    expect(first.records).toHaveLength(MANY);
    const again = await list(fixture, {}, ...args, fixture.sessions);
    expect(again.records).toEqual(first.records);
    expect(first.ms).toBeLessThan(firstMs);
  });
});

test(`${SOME} sessions of a store that takes 20 ms an answer are all read by verify, each fault is named, and prune deletes nothing of them`, {
  timeout: 600_000,
}, async () => {
  const fixture = await openPlace();
  const s3 = await serve(multiplied(endings, SOME));
  s3.setFaults([{ do: 'delay', delayMs: LATENCY_MS }]);
  const run = async (command: string) => {
    const started = fixture.start(s3Environment(s3), command, '--json', 's3://bucket/sessions');
    const { code } = await started.ended();
    const lines = started.stdout().split('\n').filter(Boolean);
    return { code, stderr: started.stderr(), records: lines.map(line => JSON.parse(line)) };
  };
  const { code, stderr, records } = await run('verify');
  expect(code).toBe(22);
  expect(stderr).toMatch(/^1200 sessions read, [\d.]+ KiB, 80 saved elsewhere, or missing, \d+ faults\n$/);
  const found = Object.groupBy(records, ({ kind }: Finding) => kind);
  // Copies of one session are the same run.
  expect(Object.fromEntries(Object.entries(found).map(([kind, all]) => [kind, all?.length]))).toEqual({
    ...{ 'not-recovered': 160, twice: expect.any(Number) },
    ...Object.fromEntries(FOUND_ONCE.map(kind => [kind, 80])),
  });
  const keys = s3.objects().length;
  expect(await run('prune')).toMatchObject({ code: 0, stderr: 'nothing may go\n', records: [] });
  expect(s3.objects()).toHaveLength(keys);
});

/** What verify finds in each of the endings in which something is wrong. */
const FOUND_ONCE: readonly FindingKind[] = [
  ...(['archive-missing', 'archive-size', 'archive-damaged', 'archive-incomplete'] as const),
  ...(['incomplete', 'lost', 'report-damaged', 'report-missing'] as const),
];
