import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ArchiverError } from '../../src/archive/archiver.ts';
import { type ArchiverAhead, archiverAhead } from '../../src/archive/archiver-ahead.ts';
import { findIsal } from '../../src/archive/isal-deflater.ts';
import { archivers, commandLine, onChild } from '../support/archivers.ts';
import { eventually } from '../support/eventually.ts';
import { packed } from './packing.ts';
import { fillWithNoiseAndText, temporaryFolder } from './trees.ts';

/** Undefined: it is not built here, and `make test` does without it. */
const isal = findIsal();

test('without ISA-L none is started', async () => {
  using ahead = archiverAhead(undefined);
  ahead.start();
  expect(await ahead.take(1)).toBeUndefined();
  expect(archivers()).toEqual([]);
});

test('one whose addon cannot be loaded says why to whoever has it pack', async () => {
  using folder = temporaryFolder();
  const broken = join(folder.path, 'deflate.node');
  writeFileSync(broken, 'no addon');
  using ahead = archiverAhead(broken);
  ahead.start();
  await eventually(() => archivers().length === 1);
  const packing = packed(folder.path, { isal: broken, ahead });
  await expect(packing).rejects.toThrow(/deflate\.node: file too short/);
  await expect(packing).rejects.toThrow(ArchiverError);
  expect(ahead.isReady()).toBe(false);
});

test('one that cannot be started is replaced, and that says why', async () => {
  using folder = temporaryFolder();
  const { execPath } = process;
  onTestFinished(() => {
    process.execPath = execPath;
  });
  process.execPath = join(folder.path, 'no-node');
  using ahead = archiverAhead('unused');
  ahead.start();
  await expect(packed(folder.path, { isal: 'unused', ahead })).rejects.toThrow(
    /the archiver could not be started: .*no-node ENOENT/,
  );
});

describe.skipIf(isal === undefined)('an archiver that is started ahead', () => {
  test('packs the next archive, and no other one', async () => {
    using folder = temporaryFolder();
    fillWithNoiseAndText(folder.path);
    using ahead = archiverAhead(isal);
    await ready(ahead);
    const first = await packedWith(ahead, folder.path);
    expect(first.started).toBe(0);
    expect(ahead.isReady()).toBe(false);
    const second = await packedWith(ahead, folder.path);
    expect(second.started).toBe(1);
    expect(second.archive.equals(first.archive)).toBe(true);
    await eventually(() => archivers().length === 0);
  });

  test('packs as well when it has not quite started', async () => {
    using folder = temporaryFolder();
    using ahead = archiverAhead(isal);
    ahead.start();
    expect(await packedWith(ahead, folder.path)).toMatchObject({ started: 1 });
    await eventually(() => archivers().length === 0);
  });

  test('is replaced when it is killed while it waits', async () => {
    using folder = temporaryFolder();
    using ahead = archiverAhead(isal);
    process.kill(await ready(ahead), 'SIGKILL');
    await eventually(() => !ahead.isReady());
    expect(await packedWith(ahead, folder.path)).toMatchObject({ started: 1 });
  });

  test('is replaced where it has not the room for the chunks', async () => {
    using folder = temporaryFolder();
    using ahead = archiverAhead(isal);
    await ready(ahead);
    expect(await packedWith(ahead, folder.path, 9 << 20)).toMatchObject({ started: 1 });
    await eventually(() => archivers().length === 0);
  });

  test('is gone when nobody needs it', async () => {
    const ahead = archiverAhead(isal);
    const waiting = await ready(ahead);
    ahead[Symbol.dispose]();
    expect(ahead.isReady()).toBe(false);
    // Not even as a zombie.
    await eventually(() => !existsSync(`/proc/${waiting}`));
  });

  test('is gone when it is given up before there is a process', async () => {
    const starting = nextChild();
    const ahead = archiverAhead(isal);
    ahead.start();
    ahead[Symbol.dispose]();
    const child = await starting;
    if (child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
  });

  test('is gone when whoever started it is killed', async () => {
    const starter = spawn(process.execPath, ['--input-type=module', '--eval', STARTER], {
      env: { ...process.env, AHEAD, ISAL: isal },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void starter.kill('SIGKILL'));
    await once(starter.stdout, 'data');
    const [waiting] = archivers(starter.pid);
    expect(waiting).toBeDefined();
    starter.kill('SIGKILL');
    await eventually(() => commandLine(waiting ?? 0) === '');
  });
});

const AHEAD = resolve(import.meta.dirname, '../../src/archive/archiver-ahead.ts');
/** Says so when its archiver waits, and never gives it an order. */
const STARTER = `
  const { archiverAhead } = await import(process.env.AHEAD);
  const ahead = archiverAhead(process.env.ISAL);
  ahead.start();
  setInterval(() => ahead.isReady() && console.log('ready'), 20);
`;

/** The next process that this one starts. */
function nextChild(): Promise<ChildProcess> {
  return new Promise(resolve => {
    const stop = onChild(child => {
      stop();
      resolve(child);
    });
  });
}

/** @returns the process that waits */
async function ready(ahead: ArchiverAhead): Promise<number> {
  ahead.start();
  await eventually(() => ahead.isReady());
  expect(archivers()).toHaveLength(1);
  return archivers()[0] ?? 0;
}

/** Packs a folder with ISA-L. @returns how many processes were started meanwhile */
async function packedWith(ahead: ArchiverAhead, folder: string, chunkBytes = 1 << 20) {
  let started = 0;
  const stop = onChild(() => {
    started += 1;
  });
  try {
    return { ...(await packed(folder, { isal, ahead, level: 1, chunkBytes })), started };
  } finally {
    stop();
  }
}
