#!/usr/bin/env node
/**
 * Measures the time from SIGTERM until everything is durable, with 100 MiB and 1 GiB of logs that the journal has sent
 * already, and an agent that goes on writing 1 MB/s. `--large`: 10 GiB as well; `--rounds 3`.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startWithBacklog } from '../../test/kills/backlog.ts';
import { type S3Server, startS3Server } from '../../test/support/s3-server.ts';
import { openSessionFixture } from '../../test/support/session.ts';

const { values: options } = parseArgs({
  options: { large: { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' } },
});

async function main(): Promise<void> {
  console.log('| logs | from SIGTERM to durable | process ended after | exit code |');
  console.log('| --- | --- | --- | --- |');
  for (const mib of [100, 1_024, ...(options.large ? [10_240] : [])]) {
    const stops: Stop[] = [];
    for (let round = 0; round < Number(options.rounds); round += 1) stops.push(await stop(mib));
    console.log(
      `| ${mib} MiB | ${range(stops.map(({ durableMs }) => durableMs))} | ${range(stops.map(({ endedMs }) => endedMs))} | ${[...new Set(stops.map(({ code }) => code))].join(', ')} |`,
    );
  }
}

interface Stop {
  readonly durableMs: number;
  readonly endedMs: number;
  readonly code: number | null;
}

async function stop(mib: number): Promise<Stop> {
  await using fixture = await openSessionFixture();
  const s3 = await startS3Server({ keepBodies: false, digests: false });
  try {
    const session = await startWithBacklog(fixture, s3, { mib, env: { SESSION_STOP_TIMEOUT: '5s' } });
    // A stop may come at any moment between two scans.
    await setTimeout(Math.random() * 2_000);
    const atMs = Date.now();
    session.signal('SIGTERM');
    await once(session.process, 'exit');
    const endedMs = Date.now() - atMs;
    const { code } = await session.ended();
    return { durableMs: durableAtMs(s3, atMs) - atMs, endedMs, code };
  } finally {
    await s3.close();
  }
}

/** When the journal's status was put as finished, which comes after all its segments. */
function durableAtMs({ requests }: S3Server, sinceMs: number): number {
  const finished = requests.find(
    ({ operation, key, atMs, status }) =>
      operation === 'PutObject' && key.endsWith('/journal/status.json') && atMs >= sinceMs && status === 200,
  );
  if (finished?.answeredAtMs === undefined) throw new Error('the journal was not finished');
  return finished.answeredAtMs;
}

function range(values: readonly number[]): string {
  return `${Math.min(...values)} to ${Math.max(...values)} ms`;
}

await main();
