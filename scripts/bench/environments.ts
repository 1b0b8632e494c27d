#!/usr/bin/env node
/**
 * The fastest of the bench where things are scarce: cores, memory, a disk's speed, a link's. Each environment is made of
 * what the kernel has for it, so it takes root: affinity, control groups (of version 1 or 2), a network of its own.
 * Prints a table for each; `--page docs/performance.md` writes them there, `--only 'one core'` measures one.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../bundle.ts';
import { type Contestant, ours, pigz, zstd3 } from './contestants.ts';
import { cores, type Environment, link, memory, slowDisk } from './environment.ts';
import { measure } from './measure.ts';
import { fillPage } from './page.ts';
import { type Run, summarise } from './report.ts';
import type { Row } from './rows.ts';
import { startS3Process } from './s3-process.ts';
import { table } from './table.ts';
import { buildWorkdir } from './workdir.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: join(tmpdir(), 'craftassist-bench') },
    page: { type: 'string' },
  },
});

const MIB = 1 << 20;
const [LARGE, SMALL] = [866 * MIB, 64 * MIB];
const isal = ours('gzip', 2, 'isal');
const gzip2 = ours('gzip', 2);
const zstd1 = ours('zstd', 1);
const pigz1 = pigz(1);

const ENVIRONMENTS: readonly {
  readonly name: string;
  readonly bytes: number;
  readonly open: () => Environment;
}[] = [
  ...[1, 2, 4]
    .filter(count => count <= availableParallelism())
    .map(count => ({
      name: count === 1 ? 'one core' : `${count} cores`,
      bytes: LARGE,
      open: () => cores(count),
    })),
  { name: '512 MiB of memory, beside a server of 64 MiB', bytes: LARGE, open: () => memory(512, 64) },
  { name: 'a disk of 200 MB/s', bytes: LARGE, open: () => slowDisk(200_000_000, options.folder) },
  { name: 'a link of 10 Mbit/s, 64 MiB', bytes: SMALL, open: () => link('10mbit') },
];

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'craftassist-bench-'));
  try {
    const program = join(scratch, 'ours.mjs');
    await bundle(join(import.meta.dirname, 'ours.ts'), program);
    const tables: string[] = [];
    for (const { name, bytes, open } of ENVIRONMENTS.filter(({ name }) => name.includes(options.only))) {
      using environment = open();
      const result = await race(name, bytes, environment, {
        SCRATCH: scratch,
        OURS: `${process.execPath} ${program}`,
      });
      tables.push(table(result));
      process.stdout.write(`${tables.at(-1)}\n`);
    }
    if (options.page !== undefined) fillPage(options.page, 'environments', tables);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** All in turn, round by round. */
async function race(
  name: string,
  bytes: number,
  environment: Environment,
  env: { SCRATCH: string; OURS: string },
) {
  const workdir = join(options.folder, `${bytes / MIB}MiB`);
  mkdirSync(options.folder, { recursive: true });
  buildWorkdir(workdir, { bytes });
  const store = await startS3Process('http', environment.network);
  const contestants: readonly Contestant[] = [pigz1, zstd3, isal, gzip2, zstd1];
  const runs = new Map<string, Run[]>();
  try {
    for (let round = 1; round <= Number(options.rounds); round += 1) {
      for (const contestant of contestants) {
        environment.beforeEach(workdir);
        const key = `bench-${performance.now()}`;
        const measured = await measure(environment.command, false, {
          ...process.env,
          ...env,
          INNER: `cd '${workdir}' && ${contestant.script}`,
          AWS_ACCESS_KEY_ID: 'bench',
          AWS_SECRET_ACCESS_KEY: 'bench',
          AWS_REGION: 'us-east-1',
          AWS_DEFAULT_REGION: 'us-east-1',
          AWS_EC2_METADATA_DISABLED: 'true',
          ENDPOINT: store.url,
          AWS_ENDPOINT_URL_S3: store.url,
          OBJECT: `bucket/${key}`,
        });
        const run = { ...measured, archiveBytes: await environment.bytesOf(store, key) };
        runs.set(contestant.name, [...(runs.get(contestant.name) ?? []), run]);
      }
    }
  } finally {
    store.stop();
  }
  const targets = [
    { ours: isal, peer: pigz1, faster: 1, larger: 1.03 },
    { ours: zstd1, peer: zstd3, faster: 1, larger: 1.05 },
  ];
  const row: Row = { name, size: { bytes }, rounds: 0, contestants, targets, bare: false };
  return summarise(row, 'http', runs, new Map());
}

await main();
