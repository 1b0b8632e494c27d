#!/usr/bin/env node
/**
 * Saves working directories of several sizes to the tests' S3, which is a process of its own and throws the bytes away,
 * with the bundled supervisor. Prints the seconds and the peak of resident memory of each, how well the seconds lie on a
 * line, and every file that came up meanwhile; exits with 1 when a target is missed. `--gib 0.01,0.1,1,10`;
 * `--page docs/performance.md` writes it there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { freePort } from '../../test/support/free-port.ts';
import { createRandom } from '../../test/support/random.ts';
import { s3Environment } from '../../test/support/s3-environment.ts';
import { program } from '../../test/support/session.ts';
import { bundle } from '../bundle.ts';
import { lineThrough } from './line.ts';
import { watchNewFiles } from './new-files.ts';
import { fillPage } from './page.ts';
import { watchPeaks } from './peaks.ts';
import { startS3Process } from './s3-process.ts';
import { debugLog } from './workdir.ts';

const TARGET_MIB = 200;
/** What the seconds of a size may be off the line, of those that the line says. */
const TARGET_OFF = 0.15;
const FILES = 8;
const PIECE_BYTES = 128 * 1024;
const SERVER_STOP_MS = 500;

const { values: options } = parseArgs({
  options: { gib: { type: 'string', default: '0.01,0.1,1,10' }, page: { type: 'string' } },
});

const ROOT = resolve(import.meta.dirname, '../..');
const BUNDLE = join(ROOT, 'dist/craftassist-session.mjs');
const MIB = 1 << 20;

interface Saved {
  readonly gib: number;
  readonly seconds: number;
  readonly peakMib: number;
  readonly files: readonly string[];
}

async function main(): Promise<number> {
  await bundle(join(ROOT, 'src/main.ts'), BUNDLE);
  const store = await startS3Process('http');
  const saved: Saved[] = [];
  try {
    for (const gib of options.gib.split(',').map(Number)) {
      const one = await save(gib, store.url);
      saved.push(one);
      for (const file of one.files) console.log(`a temporary file: ${file}`);
    }
  } finally {
    store.stop();
  }
  const line = lineThrough(saved.map(({ gib, seconds }) => [gib, seconds]));
  const off = Math.max(...saved.map(({ gib, seconds }) => Math.abs(seconds / line.at(gib) - 1)));
  const isMet =
    saved.every(({ peakMib, files }) => peakMib <= TARGET_MIB && files.length === 0) && off <= TARGET_OFF;
  const text = [
    '| GiB | seconds | on the line | peak, MiB |',
    '| --- | ------- | ----------- | --------- |',
    ...saved.map(
      ({ gib, seconds, peakMib }) =>
        `| ${gib} | ${seconds.toFixed(2)} | ${line.at(gib).toFixed(2)} | ${peakMib.toFixed(0)} |`,
    ),
    '',
    `The line is ${line.slope.toFixed(2)} s a GiB and ${line.start.toFixed(2)} s; the farthest is ${(off * 100).toFixed(0)} % off it.`,
    '',
    `- ${isMet ? 'met' : 'MISSED'}: at most ${TARGET_MIB} MiB, no temporary file, ${TARGET_OFF * 100} % off the line`,
    '',
  ].join('\n');
  console.log(text);
  if (options.page !== undefined) fillPage(options.page, 'sizes', [text]);
  return isMet ? 0 : 1;
}

async function save(gib: number, url: string): Promise<Saved> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-sizes-'));
  try {
    const workdir = join(folder, 'work');
    // Temporary files would come up here, or in the working directory.
    const temporary = join(folder, 'tmp');
    for (const path of [workdir, temporary]) mkdirSync(path);
    fill(workdir, gib * 1024 * MIB);
    const session = spawn(process.execPath, [BUNDLE], {
      env: await environment(workdir, temporary, url),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const peaks = watchPeaks(session.pid ?? 0, isOurs);
    const newFiles = watchNewFiles(session.pid ?? 0, [workdir, temporary], EXPECTED);
    const [log, [code]] = await Promise.all([text(session.stdout), once(session, 'exit')]);
    const peakMib = peaks.stop() / MIB;
    const afterMs = /"archive_saved".*"afterMs":(\d+)/.exec(log)?.[1];
    if (code !== 0 || afterMs === undefined) throw new Error(`exit code ${code}: ${log}`);
    return { gib, seconds: Number(afterMs) / 1_000, peakMib, files: newFiles.stop() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The supervisor, and the process in which ISA-L packs; not the server and the agent. */
function isOurs(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('craftassist-session.mjs');
}

/** Eight files, half of each a log and half noise, which nothing compresses. */
function fill(workdir: string, bytes: number): void {
  const random = createRandom(1);
  const line = debugLog(random);
  const pieces: Buffer[] = [];
  // It lies too far apart for deflate to see that it comes again.
  for (let size = 0; size < 32 * MIB; size += 2 * PIECE_BYTES) {
    const lines: string[] = [];
    for (let length = 0; length < PIECE_BYTES; length += lines.at(-1)?.length ?? 0) lines.push(line());
    pieces.push(Buffer.from(lines.join('')).subarray(0, PIECE_BYTES), random.noise(PIECE_BYTES));
  }
  const content = Buffer.concat(pieces);
  for (let index = 0; index < FILES; index += 1) {
    const handle = openSync(join(workdir, `big.${index}.bin`), 'w');
    for (let left = Math.round(bytes / FILES); left > 0; )
      left -= writeSync(handle, content, 0, Math.min(left, content.length));
    closeSync(handle);
  }
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
    // As long as one that saves its world.
    SESSION_SERVER_COMMAND: program('server-saves-slowly', SERVER_STOP_MS, '--port', port),
    SESSION_AGENT_COMMAND: program('agent-exits', 0, 0),
    // What was there before the session is none of its changes' doing.
    SESSION_JOURNAL_INTERVAL: 'off',
    ...s3Environment({ url }),
  };
}

/** What the children write, and the supervisor's own log. */
const EXPECTED =
  /^(?:big\.\d\.bin|supervisor\.log|cuberite_process\.log|agent\.log|world|saved|\.craftassist-session|door)$/;

process.exitCode = await main();
