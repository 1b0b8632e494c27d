#!/usr/bin/env node
/**
 * Saves a working directory of 10 GiB to the tests' S3, which is a process of its own and throws the bytes away, with
 * the bundled supervisor. Prints its peak of resident memory and every file that came up meanwhile, and exits with 1
 * when a target is missed. `--gib 10`; `--noise` for bytes that nothing compresses, which take as much room on disk.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../test/support/free-port.ts';
import { createRandom } from '../../test/support/random.ts';
import { s3Environment } from '../../test/support/s3-environment.ts';
import { program } from '../../test/support/session.ts';
import { bundle } from '../bundle.ts';
import { startS3Process } from './s3-process.ts';

const TARGET_MIB = 250;
const SAMPLE_MS = 50;
const FILES = 8;

const { values: options } = parseArgs({
  options: { gib: { type: 'string', default: '10' }, noise: { type: 'boolean', default: false } },
});

const ROOT = resolve(import.meta.dirname, '../..');
const BUNDLE = join(ROOT, 'dist/craftassist-session.mjs');
const MIB = 1 << 20;

async function main(): Promise<number> {
  await bundle(join(ROOT, 'src/main.ts'), BUNDLE);
  const folder = mkdtempSync(join(tmpdir(), 'bench-memory-'));
  const store = await startS3Process('http');
  try {
    const workdir = join(folder, 'work');
    // Temporary files would come up here, or in the working directory.
    const temporary = join(folder, 'tmp');
    for (const path of [workdir, temporary]) mkdirSync(path);
    fill(workdir, Number(options.gib) * 1024 * MIB);
    const session = spawn(process.execPath, [BUNDLE], {
      env: await environment(workdir, temporary, store.url),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const startMs = performance.now();
    const watch = sampleProcess(session, [workdir, temporary]);
    const [code] = await once(session, 'exit');
    const seconds = (performance.now() - startMs) / 1_000;
    const { peakMib, files } = watch.stop();
    const isMet = code === 0 && peakMib <= TARGET_MIB && files.length === 0;
    console.log(
      `${options.gib} GiB of ${options.noise ? 'noise' : 'holes'} in ${seconds.toFixed(0)} s, exit code ${code}`,
    );
    console.log(
      `peak ${peakMib.toFixed(0)} MiB of ${TARGET_MIB} MiB, ${files.length} temporary files${files.map(file => `, ${file}`).join('')}`,
    );
    console.log(isMet ? 'met' : 'MISSED');
    return isMet ? 0 : 1;
  } finally {
    store.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Eight files, of holes or of noise. */
function fill(workdir: string, bytes: number): void {
  const random = createRandom(1);
  for (let index = 0; index < FILES; index += 1) {
    const file = join(workdir, `big.${index}.bin`);
    closeSync(openSync(file, 'w'));
    if (!options.noise) truncateSync(file, bytes / FILES);
    else appendNoise(file, bytes / FILES, random.noise(64 * MIB));
  }
}

/** The same 64 MiB again and again, which lie too far apart for deflate to see it. */
function appendNoise(file: string, bytes: number, noise: Buffer): void {
  const handle = openSync(file, 'a');
  for (let left = bytes; left > 0; ) left -= writeSync(handle, noise, 0, Math.min(left, noise.length));
  closeSync(handle);
}

async function environment(workdir: string, temporary: string, url: string) {
  const port = await freePort();
  return {
    PATH: process.env.PATH,
    TMPDIR: temporary,
    // The compile cache would lie in the folder of temporary files.
    NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    TIMESTAMP: 'bench',
    SESSION_WORKDIR: workdir,
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: program('server-ready', '--port', port),
    SESSION_AGENT_COMMAND: program('agent-exits', 0, 0),
    // What was there before the session is none of its changes' doing.
    SESSION_JOURNAL_INTERVAL: 'off',
    ...s3Environment({ url }),
  };
}

/** What the children write, and the supervisor's own log. */
const EXPECTED =
  /^(?:big\.\d\.bin|supervisor\.log|cuberite_process\.log|agent\.log|world|saved|\.craftassist-session|door)$/;

/** Samples a process's peak of resident memory, new files in folders, and open files that are deleted already. */
function sampleProcess({ pid }: ChildProcess, folders: readonly string[]) {
  let peakMib = 0;
  const files = new Set<string>();
  const sample = () => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      peakMib = Math.max(peakMib, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
      for (const handle of readdirSync(`/proc/${pid}/fd`)) {
        const path = readlinkSync(`/proc/${pid}/fd/${handle}`);
        if (path.startsWith('/') && path.endsWith('(deleted)')) files.add(path);
      }
    } catch {
      // It has ended, or closed a file since the folder was read.
    }
    for (const folder of folders)
      for (const name of readdirSync(folder)) if (!EXPECTED.test(name)) files.add(join(folder, name));
  };
  const sampler = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(sampler);
      sample();
      return { peakMib, files: [...files] };
    },
  };
}

process.exitCode = await main();
