import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { freePort } from '../support/free-port.ts';
import { NO_OUTPUT } from '../support/no-output.ts';
import { mapParallel } from '../support/parallel.ts';
import { startS3Server } from '../support/s3-server.ts';
import { seeded } from '../support/seeded.ts';
import { awsVariables, createBucket, fileOfArchive, type OpenBucket, openBucket } from './support.ts';

/** `NAMES_PAIRS=100` takes a quarter of an hour. */
const PAIRS = Number(process.env.NAMES_PAIRS ?? 10);
const AT_ONCE = 4;
/** A session of a pair starts, and ends, at most so many milliseconds after the other one. */
const MOST_APART_MS = 300;
/** One pair of so many leaves archives that are sent in parts. */
const LARGE_EACH = 10;
const EXIT_SETUP_FAILED = 13;

/** Real stores, and the tests' own with conditions of each kind. */
const KINDS = ['ceph', 'swift', 'honoured', 'ignored-on-complete', 'ignored', 'refused'] as const;

/** Opens a bucket as the AWS variables, which are set, say. */
async function bucketOf(kind: (typeof KINDS)[number]): Promise<OpenBucket> {
  if (kind === 'ceph' || kind === 'swift') {
    const bucket = await createBucket(kind);
    setVariables(awsVariables(bucket.store.url, bucket.store.owner));
    return bucket;
  }
  const server = await startS3Server({ conditions: kind });
  onTestFinished(() => server.close());
  const account = { user: 'owner', accessKey: 'AKIDTEST', secretKey: 'verysecret' };
  setVariables(awsVariables(server.url, account));
  return openBucket(server.url, account, 'bucket');
}

function setVariables(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

interface Played {
  readonly session: string;
  /** Written into the archive: tells the sessions of a name apart. */
  readonly mark: string;
  readonly startsAfterMs: number;
  readonly lastsMs: number;
  readonly bytes: number;
}

/**
 * A whole session in the test's process: no server and no agent, since it ends with its setup, so that hundreds of them
 * cost little. @returns its exit code
 */
async function play(
  folder: string,
  bucket: OpenBucket,
  { session, mark, startsAfterMs, lastsMs, bytes }: Played,
): Promise<number> {
  const setup = `echo ${mark} >mark.log; head -c ${bytes} /dev/urandom >noise.log; sleep ${lastsMs / 1_000}; exit 1`;
  await delay(startsAfterMs);
  return run({
    env: {
      PATH: process.env.PATH,
      TIMESTAMP: session,
      SESSION_LOG_LEVEL: 'silent',
      SESSION_WORKDIR: folder,
      SESSION_DESTINATION: `s3://${bucket.name}/sessions`,
      SESSION_S3_PATH_STYLE: '1',
      SESSION_JOURNAL_INTERVAL: '100ms',
      SESSION_SAVE_TIMEOUT: '60s',
      SESSION_SERVER_ADDRESS: `127.0.0.1:${await freePort()}`,
      SESSION_SERVER_COMMAND: 'no-server-is-needed',
      SESSION_AGENT_COMMAND: 'no-agent-is-needed',
      SESSION_SETUP_COMMAND: JSON.stringify(['/bin/sh', '-c', setup]),
    },
    cwd: folder,
    args: [],
    terminal: false,
    signals: createSignals(),
    ...NO_OUTPUT,
    print: () => undefined,
    write: () => Promise.resolve(),
    printError: () => undefined,
  });
}

test.for(KINDS)(
  `of ${PAIRS} pairs of sessions that have one name, none is lost where conditions are: %s`,
  { timeout: 900_000 },
  async kind => {
    const bucket = await bucketOf(kind);
    const scratch = await mkdtemp(join(tmpdir(), 'names-'));
    onTestFinished(() => rm(scratch, { recursive: true, force: true }));
    const random = seeded(20);
    const randomMs = () => Math.round(random() * MOST_APART_MS);
    const pairs = Array.from({ length: PAIRS }, (_, index) =>
      [0, randomMs()].map(startsAfterMs => ({
        session: `2026-11-26T10:00:00+00:00-${`${index}`.padStart(3, '0')}`,
        mark: randomUUID(),
        startsAfterMs,
        lastsMs: randomMs(),
        bytes: index % LARGE_EACH === 0 ? 9_000_000 : 1_000,
      })),
    );

    const codes = await mapParallel(pairs, AT_ONCE, pair =>
      Promise.all(
        pair.map(async played => {
          const folder = join(scratch, played.mark);
          await mkdir(folder);
          const code = await play(folder, bucket, played);
          await rm(folder, { recursive: true });
          return code;
        }),
      ),
    );

    const archives = (await bucket.keys()).filter(key => key.endsWith('/logs.tar.gz'));
    const saved = await mapParallel(archives, AT_ONCE, async key =>
      (await fileOfArchive(await bucket.read(key), 'mark.log')).trim(),
    );
    const marks = pairs.flat().map(({ mark }) => mark);
    expect({
      lost: marks.filter(mark => !saved.includes(mark)).length,
      otherCodes: codes.flat().filter(code => code !== EXIT_SETUP_FAILED),
      uploads: await bucket.uploads(),
    }).toEqual({ lost: 0, otherCodes: [], uploads: [] });
    expect(archives).toHaveLength(marks.length);
  },
);
