#!/usr/bin/env node
/**
 * Measures the bundled supervisor: from the command's start to the server's spawn, and the resident memory while
 * people play; `node -e 0` beside it for scale. Prints medians, and exits with 1 when a target is missed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventually } from '../../test/support/eventually.ts';
import { freePort } from '../../test/support/free-port.ts';
import { s3Environment } from '../../test/support/s3-environment.ts';
import { startS3Server } from '../../test/support/s3-server.ts';
import { program } from '../../test/support/session.ts';
import { bundle } from '../bundle.ts';
import { median } from './median.ts';

const TARGET_MS = 150;
const TARGET_MIB = 90;
const PLAY_MS = 5_000;

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, plays: { type: 'string', default: '3' } },
});

const ROOT = resolve(import.meta.dirname, '../..');
const BUNDLE = join(ROOT, 'dist/craftassist-session.mjs');

async function main(): Promise<number> {
  await bundle(join(ROOT, 'src/main.ts'), BUNDLE);
  const s3 = await startS3Server();
  try {
    const places = [
      { name: 'a folder', env: {} },
      { name: 'S3', env: s3Environment(s3) },
    ];
    const nothing: number[] = [];
    const times = places.map(() => [] as number[]);
    const sizes = places.map(() => [] as number[]);
    // The first round fills the compile cache, and is not counted.
    for (let round = 0; round <= Number(options.rounds); round += 1) {
      const nothingMs = timeNothing();
      if (round > 0) nothing.push(nothingMs);
      for (const [index, { env }] of places.entries()) {
        const ms = await timeToSpawn(env);
        if (round > 0) times[index]?.push(ms);
      }
    }
    for (let play = 0; play < Number(options.plays); play += 1)
      for (const [index, { env }] of places.entries()) sizes[index]?.push(await sizeAtPlay(env));

    console.log(`node -e 0: ${spread(nothing)}, ${sizeOfNothing().toFixed(0)} MiB`);
    const isMet = places.map(({ name }, index) => {
      const [ms, mib] = [times[index] ?? [], median(sizes[index] ?? [])];
      const verdict = median(ms) <= TARGET_MS && mib <= TARGET_MIB ? 'met' : 'MISSED';
      console.log(
        `with ${name}: ${spread(ms)} to the server's spawn, ${mib.toFixed(0)} MiB resident in play: ${verdict}`,
      );
      return verdict === 'met';
    });
    console.log(
      `targets: ${TARGET_MS} ms, ${TARGET_MIB} MiB; medians of ${options.rounds} and ${options.plays} rounds`,
    );
    return isMet.every(Boolean) ? 0 : 1;
  } finally {
    await s3.close();
  }
}

function timeNothing(): number {
  const startMs = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - startMs;
}

/** Peak, which for a program that does nothing is what it needs. */
function sizeOfNothing(): number {
  const script = "require('node:fs').readFileSync('/proc/self/status', 'utf8')";
  return residentMib(spawnSync(process.execPath, ['-p', script], { encoding: 'utf8' }).stdout);
}

/** From the command's start to the first line of a server that is no Node itself. */
async function timeToSpawn(env: Environment): Promise<number> {
  // `date` tells the time of the real clock, in nanoseconds.
  const server = JSON.stringify(['sh', '-c', 'date +%s%N >spawned; exec sleep 1000']);
  const address = `127.0.0.1:${await freePort()}`;
  const startMs = now();
  await using session = await startSession({
    ...env,
    SESSION_SERVER_ADDRESS: address,
    SESSION_SERVER_COMMAND: server,
  });
  const file = join(session.workdir, 'spawned');
  const spawned = await eventually(() => readFileSync(file, 'utf8').trim());
  return Number(BigInt(spawned) / 1_000n) / 1_000 - startMs - session.preparedMs;
}

async function sizeAtPlay(env: Environment): Promise<number> {
  const port = await freePort();
  await using session = await startSession({
    ...env,
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: program('server-ready', '--port', port),
    SESSION_AGENT_COMMAND: program('agent-runs'),
  });
  await eventually(() => readFileSync(join(session.workdir, 'agent.log'), 'utf8').includes('runs'));
  await setTimeout(PLAY_MS);
  return residentMib(readFileSync(`/proc/${session.process.pid}/status`, 'utf8'));
}

type Environment = Readonly<Record<string, string>>;

interface Session extends AsyncDisposable {
  readonly workdir: string;
  readonly process: ChildProcess;
  /** What went by before the command was started. */
  readonly preparedMs: number;
}

async function startSession(env: Environment): Promise<Session> {
  const askedMs = now();
  const folder = mkdtempSync(join(tmpdir(), 'bench-startup-'));
  const workdir = join(folder, 'work');
  const preparedMs = now() - askedMs;
  const child = spawn(process.execPath, [BUNDLE], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      TIMESTAMP: 'bench',
      SESSION_WORKDIR: workdir,
      SESSION_DESTINATION: join(folder, 'sessions'),
      SESSION_STOP_GRACE: '2s',
      ...env,
    },
  });
  return {
    workdir,
    process: child,
    preparedMs,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}

function residentMib(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

const now = () => performance.timeOrigin + performance.now();

/** Where other work is going on, the fastest tells more. */
function spread(ms: readonly number[]): string {
  return `${median(ms).toFixed(0)} ms (fastest ${Math.min(...ms).toFixed(0)})`;
}

process.exitCode = await main();
