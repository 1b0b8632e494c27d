#!/usr/bin/env node
/**
 * Compares us with those who put a working directory into object storage today: the same folder, one S3 server, all
 * contestants in turn, several rounds, over http and over https. Prints a table for each row; --json writes all of it to
 * a file, --page the tables into a page: `npm run bench -- --page docs/performance.md`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { trustCertificate } from '../../test/support/tls.ts';
import { bundle } from '../bundle.ts';
import type { Contestant } from './contestants.ts';
import { measure } from './measure.ts';
import { fillPage } from './page.ts';
import { type RowResult, type Run, summarise } from './report.ts';
import { ROWS, type Row } from './rows.ts';
import { type S3Process, type Scheme, startS3Process } from './s3-process.ts';
import { table } from './table.ts';
import { buildWorkdir } from './workdir.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: ROWS.map(row => row.name).join(',') },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    folder: { type: 'string', default: join(tmpdir(), 'craftassist-bench') },
    json: { type: 'string' },
    page: { type: 'string' },
  },
});

const SCHEMES: readonly Scheme[] = ['http', 'https'];

async function main(): Promise<void> {
  const rows = ROWS.filter(row => options.rows.split(',').includes(row.name));
  if (rows.length === 0) throw new Error(`--rows takes some of ${ROWS.map(row => row.name).join(',')}`);
  const scratch = mkdtempSync(join(tmpdir(), 'craftassist-bench-'));
  using _trusting = trustCertificate();
  const stores = await Promise.all(SCHEMES.map(scheme => startS3Process(scheme)));
  try {
    const setup: Setup = { scratch, stores, ...(await bundleOurs(scratch)) };
    const results: RowResult[] = [];
    for (const row of rows) {
      for (const result of await compare(row, setup)) {
        results.push(result);
        process.stdout.write(`${table(result)}\n`);
      }
    }
    if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(results, null, 2));
    if (options.page !== undefined) fillPage(options.page, 'bench', results.map(table));
  } finally {
    for (const store of stores) store.stop();
    rmSync(scratch, { recursive: true });
  }
}

interface Setup {
  readonly scratch: string;
  readonly stores: readonly S3Process[];
  /** The commands of our process, and of our codecs alone. */
  readonly ours: string;
  readonly bare: string;
}

/**
 * All contestants in turn, round by round, over each scheme; a first round that is not counted fills the caches.
 * @returns a result for each scheme
 */
async function compare(row: Row, setup: Setup): Promise<RowResult[]> {
  const workdir = join(options.folder, row.name);
  mkdirSync(options.folder, { recursive: true });
  buildWorkdir(workdir, row.size);
  const runs = SCHEMES.map(() => new Map<string, Run[]>());
  const bare = new Map<string, number[]>();
  const tar = row.bare ? tarOf(workdir) : undefined;
  const selected = row.contestants.filter(contestant => isWanted(contestant));
  for (let round = 0; round <= Number(options.rounds ?? row.rounds); round++) {
    for (const contestant of selected) {
      if (round === 0 && row.rounds <= 5 && !contestant.isOurs) continue;
      for (const [index, store] of setup.stores.entries()) {
        const run = await runOnce(contestant, workdir, store, setup);
        if (round > 0) append(runs[index], contestant.name, run);
      }
      if (tar === undefined || round === 0) continue;
      const { seconds } = await measure(contestant.bare, false, environmentOf(setup, { TAR: tar }));
      append(bare, contestant.name, seconds);
    }
  }
  return SCHEMES.map((scheme, index) => summarise(row, scheme, runs[index] ?? new Map(), bare));
}

function append<T>(to: Map<string, T[]> | undefined, name: string, value: T): void {
  to?.set(name, [...(to.get(name) ?? []), value]);
}

/** What the codecs alone are measured with. */
function tarOf(workdir: string): string {
  const path = `${workdir}.tar`;
  if (!existsSync(path)) spawnSync('tar', ['cf', path, '-C', workdir, '.'], { stdio: 'inherit' });
  return path;
}

function isWanted(contestant: Contestant): boolean {
  if (!contestant.name.includes(options.only)) return false;
  const missing = contestant.needs.filter(program => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length > 0)
    process.stderr.write(`skipped, ${missing.join(', ')} not installed: ${contestant.name}\n`);
  return missing.length === 0;
}

async function runOnce(
  contestant: Contestant,
  workdir: string,
  store: S3Process,
  setup: Setup,
): Promise<Run> {
  warmUp(workdir);
  const key = `bench-${performance.now()}`;
  const env = environmentOf(setup, {
    ENDPOINT: store.url,
    AWS_ENDPOINT_URL_S3: store.url,
    CA: store.certificate,
    AWS_CA_BUNDLE: store.certificate,
    NODE_EXTRA_CA_CERTS: store.certificate,
    OBJECT: `bucket/${key}`,
  });
  const measured = await measure(`cd '${workdir}' && ${contestant.script}`, contestant.waits, env);
  return { ...measured, archiveBytes: await store.bytesOf(key) };
}

function environmentOf({ scratch, ours, bare }: Setup, more: NodeJS.ProcessEnv) {
  return { ...process.env, ...ENVIRONMENT, SCRATCH: scratch, OURS: ours, BARE: bare, ...more };
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
};

/** Our contestant as a user runs it: bundled as the product is. */
async function bundleOurs(scratch: string): Promise<Pick<Setup, 'ours' | 'bare'>> {
  const command = async (name: string) => {
    const output = join(scratch, `${name}.mjs`);
    await bundle(join(import.meta.dirname, `${name}.ts`), output);
    return `${process.execPath} ${output}`;
  };
  return { ours: await command('ours'), bare: await command('bare') };
}

await main();
