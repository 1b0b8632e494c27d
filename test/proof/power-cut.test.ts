import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { ledgerIn, readLedger } from '../crash-points/ledger.ts';
import { isSegment, killSession } from '../crash-points/scenarios.ts';
import { openWorld, type World } from '../crash-points/world.ts';
import { type FileCall, watchCalls } from '../support/file-calls.ts';
import { patient } from '../support/journal.ts';
import { createDisk } from './disk.ts';

/** What a store has said, among the calls that it has made. */
type Line =
  | FileCall
  | { readonly kind: 'stored'; readonly path: string; readonly bytes: Buffer }
  /** It is requested: from now on the object may be there, or not. */
  | { readonly kind: 'deleting'; readonly path: string }
  | { readonly kind: 'deleted'; readonly path: string };

/** Does something with a store, and records. The folder above the store is there, and is durable. */
async function record(work: (store: Recorded, folder: string) => Promise<void>): Promise<readonly Line[]> {
  const parent = await mkdtemp(join(tmpdir(), 'power-cut-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const lines: Line[] = [];
  const stop = watchCalls(parent, { after: call => lines.push(call) });
  try {
    const folder = join(parent, 'sessions');
    await work(recorded(openDirectoryStore(folder), lines), folder);
  } finally {
    stop();
  }
  return lines;
}

interface Recorded {
  put(key: string, text: string, ifAbsent?: boolean): Promise<void>;
  store(key: string, texts: readonly string[]): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
}

const pathOf = (key: string) => `sessions/${key}`;

function recorded(store: Store, lines: Line[]): Recorded {
  return {
    async put(key, text, ifAbsent = false) {
      const bytes = Buffer.from(text);
      await store.put(key, bytes, { signal: patient, ifAbsent });
      lines.push({ kind: 'stored', path: pathOf(key), bytes });
    },
    async store(key, texts) {
      async function* chunks() {
        for (const text of texts) yield Buffer.from(text);
      }
      await store.store(key, chunks(), { signal: patient, stallMs: 60_000 });
      lines.push({ kind: 'stored', path: pathOf(key), bytes: Buffer.from(texts.join('')) });
    },
    async delete(keys) {
      for (const key of keys) lines.push({ kind: 'deleting', path: pathOf(key) });
      await store.delete(keys, patient);
      for (const key of keys) lines.push({ kind: 'deleted', path: pathOf(key) });
    },
  };
}

/** Cuts the power after each line. @returns what is not there then as it was acknowledged */
function cutEverywhere(lines: readonly Line[]): readonly string[] {
  const disk = createDisk();
  const promised = new Map<string, Buffer | 'nothing'>();
  const faults = new Set<string>();
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'stored') promised.set(line.path, line.bytes);
    else if (line.kind === 'deleting') promised.delete(line.path);
    else if (line.kind === 'deleted') promised.set(line.path, 'nothing');
    else disk.apply(line);
    for (const [path, bytes] of promised) {
      const broken = disk
        .outcomes(path)
        .filter(found => !isAsPromised(found, bytes, lines.slice(index + 1), path));
      for (const found of broken) faults.add(`${path} may be ${found === undefined ? 'gone' : `"${found}"`}`);
    }
  }
  return [...faults];
}

function isAsPromised(
  found: Buffer | undefined,
  bytes: Buffer | 'nothing',
  next: readonly Line[],
  path: string,
): boolean {
  if (bytes === 'nothing') return found === undefined;
  if (found?.equals(bytes)) return true;
  // It is being replaced: what comes next may be there before that is acknowledged.
  const after = next.find(line => line.kind === 'stored' && line.path === path);
  return after?.kind === 'stored' && found !== undefined && found.equals(after.bytes);
}

test('what was put is there after a power cut at any moment, as it was, or as what replaces it', async () => {
  const lines = await record(async store => {
    await store.put('a/b/first', 'one');
    await store.put('a/b/second', 'two', true);
    await store.put('a/b/first', 'three');
    await store.store('c/d/archive', ['first chunk', 'second chunk']);
    await store.delete(['a/b/first', 'a/b/second']);
  });
  expect(cutEverywhere(lines)).toEqual([]);
});

test('so are objects that are put into a new folder at the same time', async () => {
  const lines = await record(async store => {
    await Promise.all(['first', 'second', 'third'].map(name => store.put(`a/b/${name}`, name)));
  });
  expect(cutEverywhere(lines)).toEqual([]);
});

test('so is what is put into a folder that was made by somebody who was killed then', async () => {
  const lines = await record(async (store, folder) => {
    await mkdir(join(folder, 'a/b'), { recursive: true });
    await store.put('a/b/first', 'one');
  });
  expect(cutEverywhere(lines)).toEqual([]);
});

describe('a whole session, and the recovery of one that was killed', { tags: ['slow'] }, () => {
  test('never have a part of an archive, and no journal is gone before its archive and report are there', async () => {
    await using world = await openWorld('folder');
    await world.startSession('session').ended();
    const calls = await readCalls(world);
    expect(judgeSession(calls)).toEqual([]);
  });

  test('so does a recovery', async () => {
    await using first = await openWorld('folder');
    await killSession(first);
    await using world = await openWorld('folder', await first.end());
    await world.startRecovery('recovery').ended();
    const calls = [...(await readCalls(first)), ...(await readCalls(world))];
    expect(judgeSession(calls)).toEqual([]);
  });
});

async function readCalls({ scratch }: World): Promise<readonly FileCall[]> {
  return (await readLedger(ledgerIn(scratch))).flatMap(line => (line.kind === 'call' ? [line.call] : []));
}

const ARCHIVE = 'test/logs.tar.gz';
const REPORT = '.sessions/test/session.json';

/** Cuts the power after each call of a session named "test". */
function judgeSession(calls: readonly FileCall[]): readonly string[] {
  const disk = createDisk();
  const faults = new Set<string>();
  const segments = new Set<string>();
  const durable = new Set<string>();
  const isCertain = (path: string) => !disk.outcomes(path).includes(undefined);
  const contentsOf = (path: string) =>
    disk.outcomes(path).flatMap(found => (found === undefined ? [] : [found.toString('latin1')]));
  for (const call of calls) {
    disk.apply(call);
    if (isSegment(call.path)) segments.add(call.path);
    for (const path of [ARCHIVE, ...segments])
      if (new Set(contentsOf(path)).size > 1) faults.add(`${path} may be there in part`);
    for (const path of segments) if (isCertain(path)) durable.add(path);
    const gone = [...durable].filter(path => !isCertain(path));
    if (gone.length > 0 && !(isCertain(ARCHIVE) && isCertain(REPORT)))
      faults.add(`${gone[0]} may be gone, and there may be no archive or no report`);
  }
  return [...faults];
}
