import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { archiverAhead } from '../../src/archive/archiver-ahead.ts';
import { findIsal } from '../../src/archive/isal-deflater.ts';
import { createDeadlines } from '../../src/runtime/deadline.ts';
import { createLoggedProgress } from '../../src/runtime/progress.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { placeInside } from '../../src/save/archive-place.ts';
import { saveArchive } from '../../src/save/save.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../archive/trees.ts';
import { PLAIN } from '../store/s3/support.ts';
import { eventually } from '../support/eventually.ts';

test.skipIf(findIsal() === undefined)('what zlib packs has no archiver wait until it is stored', async () => {
  using folder = temporaryFolder();
  const root = join(folder.path, 'work');
  await mkdir(root);
  await writeFile(join(root, 'agent.log'), 'little');
  using ahead = archiverAhead(findIsal());
  ahead.start();
  await eventually(() => ahead.isReady());
  let waitsOn = true;
  const target = {
    url: folder.path,
    open: () => openStore({ kind: 'directory', path: join(folder.path, 'saved') }, { s3: PLAIN }),
    place: async () => placeInside('logs.tar.gz'),
    inside: false,
    deadline: 'archiveAtDestination',
  } as const;
  const request = {
    source: { root, include: [], exclude: [], excludedPaths: [] },
    archive: { codec: 'gzip', level: 2, deflate: 'auto' },
    targets: [target],
    stallMs: 60_000,
    ahead,
    onPlace: async () => {
      waitsOn = ahead.isReady();
    },
  } as const;
  const log = pino({ enabled: false });
  const settings = { graceMs: 0, serverGraceMs: 0, hasJournal: false, hasFallback: false };
  const startDeadline = createDeadlines(createSignals(), {
    ...settings,
    stopTimeoutMs: 60_000,
    saveTimeoutMs: 60_000,
  });
  const saved = await saveArchive(request, { log, progress: createLoggedProgress(log), startDeadline });
  expect(saved).toMatchObject({ how: 'archive', deflate: 'zlib' });
  expect(waitsOn).toBe(false);
});
