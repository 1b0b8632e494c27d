#!/usr/bin/env node
/**
 * Compares us with those who put a working directory into object storage today: the same folder, one S3 server, all
 * contestants in turn, several rounds. Prints a table for each row, and everything as JSON at the end or to --json.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../bundle.ts';
import type { Contestant } from './contestants.ts';
import { measure } from './measure.ts';
import { type RowResult, type Run, summarise, table } from './report.ts';
import { ROWS, type Row } from './rows.ts';
import { type S3Process, startS3Process } from './s3-process.ts';
import { buildWorkdir } from './workdir.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: ROWS.map(row => row.name).join(',') },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'craftassist-bench') },
    json: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const rows = ROWS.filter(row => options.rows.split(',').includes(row.name));
  if (rows.length === 0) throw new Error(`--rows takes some of ${ROWS.map(row => row.name).join(',')}`);
  const scratch = mkdtempSync(join(tmpdir(), 'craftassist-bench-'));
  const s3 = await startS3Process();
  try {
    const setup: Setup = { scratch, s3, ours: await bundleOurs(scratch) };
    const results: RowResult[] = [];
    for (const row of rows) {
      const result = await compare(row, setup);
      results.push(result);
      process.stdout.write(`${table(result)}\n`);
    }
    const json = JSON.stringify(results, null, 2);
    if (options.json === undefined) process.stdout.write(`${json}\n`);
    else writeFileSync(options.json, json);
  } finally {
    s3.stop();
    rmSync(scratch, { recursive: true });
  }
}

interface Setup {
  readonly scratch: string;
  readonly s3: S3Process;
  /** The command of our process. */
  readonly ours: string;
}

/** All contestants in turn, round by round; a first round that is not counted fills the caches. */
async function compare(row: Row, setup: Setup): Promise<RowResult> {
  const workdir = join(options.folder, row.name);
  mkdirSync(options.folder, { recursive: true });
  buildWorkdir(workdir, row.size);
  const runs = new Map<string, Run[]>();
  const selected = row.contestants.filter(contestant => isWanted(contestant));
  for (let round = 0; round <= Number(options.rounds ?? row.rounds); round++) {
    for (const contestant of selected) {
      if (round === 0 && row.rounds < 5 && !contestant.isOurs) continue;
      const run = await runOnce(contestant, workdir, setup);
      if (round > 0) runs.set(contestant.name, [...(runs.get(contestant.name) ?? []), run]);
    }
  }
  return summarise(row, runs);
}

function isWanted(contestant: Contestant): boolean {
  if (!contestant.name.includes(options.only)) return false;
  const missing = contestant.needs.filter(program => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length > 0)
    process.stderr.write(`skipped, ${missing.join(', ')} not installed: ${contestant.name}\n`);
  return missing.length === 0;
}

async function runOnce(contestant: Contestant, workdir: string, setup: Setup): Promise<Run> {
  warmUp(workdir);
  const key = `bench-${performance.now()}`;
  const measured = await measure(`cd '${workdir}' && ${contestant.script}`, contestant.waits, {
    ...process.env,
    ...ENVIRONMENT,
    ENDPOINT: setup.s3.url,
    AWS_ENDPOINT_URL_S3: setup.s3.url,
    OBJECT: `bucket/${key}`,
    SCRATCH: setup.scratch,
    OURS: setup.ours,
  });
  return { ...measured, archiveBytes: await setup.s3.bytesOf(key) };
}

/** Reads everything: a session that has just ended has its files in memory, which some kernels soon take back. */
function warmUp(workdir: string): void {
  const { status } = spawnSync('sh', ['-c', 'find . -type f -exec cat {} + >/dev/null'], { cwd: workdir });
  if (status !== 0) throw new Error(`${workdir} could not be read`);
}

const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  // There is no TLS here, and rclone cannot load one.
  AWS_CA_BUNDLE: undefined,
};

/** Our contestant as a user runs it: bundled as the product is. */
async function bundleOurs(scratch: string): Promise<string> {
  const output = join(scratch, 'ours.mjs');
  await bundle(join(import.meta.dirname, 'ours.ts'), output);
  return `${process.execPath} ${output}`;
}

await main();
