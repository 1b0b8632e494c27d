import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { s3Environment } from '../support/s3-environment.ts';
import type { S3Server } from '../support/s3-server.ts';
import { program, type RunningSupervisor, type SessionFixture } from '../support/session.ts';
import { isSegment } from './uploads.ts';

const MIB = 1 << 20;
const BLOCK_BYTES = 8 * MIB;
const FILES = 16;
const BYTES_PER_SECOND = 1_000_000;

/**
 * Starts a session in a working directory with so many MiB of logs, whose agent writes 1 MB/s.
 * @returns once its journal has caught up
 */
export async function startWithBacklog(
  fixture: SessionFixture,
  s3: S3Server,
  { mib, env }: { readonly mib: number; readonly env: Readonly<Record<string, string>> },
): Promise<RunningSupervisor> {
  fillWithLogs(fixture.workdir, mib);
  const session = fixture.start({
    ...s3Environment(s3),
    SESSION_JOURNAL_INTERVAL: '2s',
    SESSION_AGENT_COMMAND: program('agent-logs-steadily', BYTES_PER_SECOND),
    ...env,
  });
  await session.logged('"event":"process_started","child":"agent"');
  await waitUntilCaughtUp(s3, mib);
  return session;
}

/** Fills a folder with sixteen logs, as a long session leaves them. */
function fillWithLogs(folder: string, mib: number): void {
  mkdirSync(folder, { recursive: true });
  const block = logLines(BLOCK_BYTES);
  for (let index = 0; index < FILES; index += 1) {
    const handle = openSync(join(folder, `before.${index}.log`), 'w');
    let left = Math.floor((mib * MIB) / FILES);
    // Each begins at another offset of the block: no two are alike.
    left -= writeSync(handle, block, 0, Math.min(left, (index + 1) * 4_096));
    while (left > 0) left -= writeSync(handle, block, 0, Math.min(left, block.length));
    closeSync(handle);
  }
}

function logLines(bytes: number): Buffer {
  const lines: string[] = [];
  for (let line = 1, length = 0; length < bytes; line += 1) {
    const text = `[10:${line % 60}:${(line * 7) % 60}] moved to ${(line * 2_654_435_761) % 99_991}, ${line % 67} chunk ${line}\n`;
    lines.push(text);
    length += text.length;
  }
  return Buffer.from(lines.join('')).subarray(0, bytes);
}

/** Smaller segments than this hold what has just been written. */
const SMALL_BYTES = MIB;

/** Waits until the last three segments of the journal are small ones. */
async function waitUntilCaughtUp(s3: S3Server, mib: number): Promise<void> {
  // A segment holds 8 MiB at most.
  const least = mib / 8 + 3;
  for (;;) {
    const segments = s3
      .objects()
      .filter(({ key }) => isSegment(key))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    if (segments.length >= least && segments.slice(-3).every(({ bytes }) => bytes < SMALL_BYTES)) return;
    await setTimeout(200);
  }
}
