import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { eventually } from '../support/eventually.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { listSaved } from '../support/saved-files.ts';
import { openSessionFixture, type SessionFixture } from '../support/session.ts';
import { startWithBacklog } from './backlog.ts';
import { unpack } from './unpack.ts';

const STOP_TIMEOUT_MS = 5_000;

/** Documented as "saved, not yet packed". */
const EXIT_JOURNAL = 21;

/** So slow that an archive of this size needs minutes. */
const THROTTLE = [
  { match: { operation: 'UploadPart' }, do: 'slow', bytesPerSecond: 2 * 1024 ** 2 },
  { match: { operation: 'PutObject' }, do: 'slow', bytesPerSecond: 8 * 1024 ** 2 },
] as const;

/**
 * Stops a session with large logs when its store is too slow for the archive, and recovers it.
 * @returns the exit code: 0 when it ended in time, and nothing is lost
 */
export async function stopInTime(mib: number): Promise<number> {
  await using fixture = await openSessionFixture();
  const s3 = await startS3Server();
  try {
    const stop = await runAndStop(fixture, s3, mib);
    s3.setFaults([]);
    const recovery = fixture.start(s3Environment(s3), 'recover', 's3://bucket/sessions/test');
    const { code } = await recovery.ended();
    const faults = [
      ...stop.faults,
      ...(code === 0 ? [] : [`recover ended with ${code}: ${recovery.stdout()}${recovery.stderr()}`]),
      ...(await differences(fixture, s3)),
    ];
    for (const fault of faults) console.log(fault);
    const ended = `exit code ${stop.code} after ${(stop.ms / 1_000).toFixed(1)} s, ${stop.uploads} uploads open`;
    const verdict = faults.length === 0 ? 'everything recovered' : `${faults.length} FAULTS`;
    console.log(`${mib} MiB, SIGTERM with ${STOP_TIMEOUT_MS / 1_000} s: ${ended}, ${verdict}`);
    return faults.length === 0 ? 0 : 1;
  } finally {
    await s3.close();
  }
}

async function runAndStop(fixture: SessionFixture, s3: S3Server, mib: number) {
  const env = { SESSION_STOP_TIMEOUT: `${STOP_TIMEOUT_MS}ms` };
  const session = await startWithBacklog(fixture, s3, { mib, env });
  s3.setFaults(THROTTLE);
  // Stopped while a segment is under way, too.
  const puts = s3.counts.PutObject ?? 0;
  await eventually(() => (s3.counts.PutObject ?? 0) > puts);
  const stoppedAtMs = performance.now();
  session.signal('SIGTERM');
  await once(session.process, 'exit');
  const ms = performance.now() - stoppedAtMs;
  const { code } = await session.ended();
  const uploads = s3.uploads().length;
  const faults = [
    ...(code === EXIT_JOURNAL ? [] : [`ended with ${code}, not with ${EXIT_JOURNAL}: ${session.stdout()}`]),
    ...(ms < STOP_TIMEOUT_MS ? [] : [`took ${Math.round(ms)} ms to stop`]),
    ...(uploads === 0 ? [] : [`left ${uploads} uploads open`]),
  ];
  return { code, ms, uploads, faults };
}

/** Grows after it was archived: its beginning alone is compared. */
const SUPERVISOR_LOG = 'supervisor.log';

async function differences({ workdir, sessions }: SessionFixture, s3: S3Server): Promise<string[]> {
  const [archive, another] = (await listSaved(sessions, s3)).archives;
  if (archive === undefined || another !== undefined) return ['there is not one archive'];
  const recovered = join(dirname(workdir), 'recovered');
  await unpack(archive, recovered);
  const faults: string[] = [];
  for (const entry of await readdir(workdir, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(workdir.length + 1);
    if (!entry.isFile()) continue;
    const copy = join(recovered, path);
    const bytes = await stat(copy).then(
      ({ size }) => size,
      () => undefined,
    );
    const compared = path === SUPERVISOR_LOG ? (bytes ?? 0) : (await stat(file)).size;
    if (bytes !== compared) faults.push(`${path} has ${bytes} bytes of ${compared}`);
    else if ((await digestOf(file, compared)) !== (await digestOf(copy, compared)))
      faults.push(`${path} has other bytes`);
  }
  return faults;
}

async function digestOf(file: string, bytes: number): Promise<string> {
  const digest = createHash('sha256');
  if (bytes > 0) await pipeline(createReadStream(file, { end: bytes - 1 }), digest);
  return digest.digest('hex');
}
