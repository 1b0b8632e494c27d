/** @module-tag slow */

import { gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { program, type SessionFixture } from '../support/session.ts';
import { test as sessionTest } from '../support/session-test.ts';
import { savedIn } from './buckets.ts';
import { launcherScript, PIPELINE_SCRIPT } from './launcher.ts';
import { fileIn, listBatches, listExperiments, listSessions, openAll, syncAndCollect } from './readers.ts';

/** As the launchers name their sessions. */
const TIMESTAMP = '2026-11-22T11:26:36.123456+00:00';
const BATCH = '20261122112600';
const EXPERIMENT = '4711';
const BUCKETS = ['droidlet-hitl', 'craftassist'] as const;

/** What the launchers hand the container, which says nothing of SESSION_…. */
const LAUNCHERS = {
  pipeline: {
    RUN_SH_GZ_B64: PIPELINE_SCRIPT,
    TIMESTAMP,
  },
  usual: {
    RUN_SH_GZ_B64: launcherScript(
      'S3_DEST=s3://craftassist/turk_interactions_with_agent',
      'S3_DEST="$S3_DEST/turk/$turk_experiment_id"',
      'S3_DEST="$S3_DEST/$TIMESTAMP"',
    ),
    TIMESTAMP,
  },
};

const DESTINATIONS = {
  pipeline: 's3://droidlet-hitl',
  usual: 's3://craftassist/turk_interactions_with_agent',
} as const;

type Launcher = keyof typeof LAUNCHERS;

const agent = (how: 'leave' | 'stay', ...experiment: string[]) =>
  ({ SESSION_AGENT_COMMAND: program('agent-serves-a-worker', how, ...experiment) }) as const;

interface Context {
  readonly fixture: SessionFixture;
  readonly s3: S3Server;
}

const test = sessionTest.extend('s3', async ({ onTestFinished }) => {
  const s3 = await startS3Server({ buckets: BUCKETS });
  onTestFinished(() => s3.close());
  return s3;
});

function start({ fixture, s3 }: Context, launcher: Launcher, env: Record<string, string | undefined>) {
  return fixture.start({
    ...s3Environment(s3),
    SESSION_DESTINATION: undefined,
    SESSION_JOURNAL_INTERVAL: '100ms',
    ...LAUNCHERS[launcher],
    ...env,
  });
}

/** How a session ends; afterwards its archive is there. */
type Ending = (
  context: Context,
  launcher: Launcher,
  env?: Record<string, string | undefined>,
  experiment?: string,
) => Promise<void>;

const endedByItsWorker: Ending = async (context, launcher, env = {}, experiment) => {
  const session = start(context, launcher, { ...env, ...agent('leave', ...list(experiment)) });
  expect(await session.ended(), session.stderr()).toEqual({ code: 0, signal: null });
};

const ENDINGS: Readonly<Record<string, Ending>> = {
  'whose worker has ended it': endedByItsWorker,
  async 'stopped by SIGTERM'(context, launcher, env = {}, experiment) {
    const session = start(context, launcher, { ...env, ...agent('stay', ...list(experiment)) });
    await journaled(context.s3);
    session.signal('SIGTERM');
    expect(await session.ended(), session.stderr()).toEqual({ code: 0, signal: null });
  },
  async 'killed, and recovered'(context, launcher, env = {}, experiment) {
    const { fixture, s3 } = context;
    start(context, launcher, { ...env, ...agent('stay', ...list(experiment)) });
    await journaled(s3);
    await fixture.killAll();
    // Until it is recovered there is nothing that a reader could take for a session.
    expect(listSessions(savedIn(s3, 'droidlet-hitl'), BATCH)).toEqual([]);
    expect(listBatches(savedIn(s3, 'droidlet-hitl'))).toEqual([]);
    expect(listExperiments(savedIn(s3, 'craftassist'))).toEqual([]);
    // By somebody who knows the place, and nothing of the session.
    const place = { ...s3Environment(s3), SESSION_DESTINATION: undefined };
    const recovery = fixture.start(place, 'recover', '--all', '--force', DESTINATIONS[launcher]);
    expect(await recovery.ended(), recovery.stderr()).toEqual({ code: 0, signal: null });
  },
};

const list = (experiment: string | undefined) => (experiment === undefined ? [] : [experiment]);

/** Waits until the journal holds what the agent has written. */
async function journaled(s3: S3Server): Promise<void> {
  const written = ['agent serves a worker', 'interaction_loggings_6e0f1c.json'];
  await eventually(() => {
    const segments = BUCKETS.flatMap(bucket => savedIn(s3, bucket))
      .filter(({ key }) => /\/journal\/\d+\.tar\.gz$/.test(key))
      .map(({ content }) => gunzipSync(content));
    return written.every(text => segments.some(segment => segment.includes(text)));
  });
}

/** What the pipeline's readers make of a batch with these sessions. */
function expectBatch(s3: S3Server, sessions: readonly string[]): void {
  const objects = savedIn(s3, 'droidlet-hitl');
  expect(listSessions(objects, BATCH)).toEqual(sessions);
  expect(listBatches(objects)).toEqual([Number(BATCH)]);
  const opened = openAll(objects, BATCH);
  expect([...opened.keys()]).toEqual(sessions.map(session => `${BATCH}/interaction/${session}/logs.tar.gz`));
  expect([...syncAndCollect(objects, `${BATCH}/interaction`).keys()]).toEqual(sessions);
  for (const { content } of objects.filter(({ key }) => opened.has(key))) expectFiles(content);
}

/** What the readers of experiments make of these sessions. */
function expectExperiment(s3: S3Server, sessions: readonly string[]): void {
  const objects = savedIn(s3, 'craftassist');
  expect(listExperiments(objects)).toEqual(sessions.map(session => [EXPERIMENT, session]));
  const prefix = `turk_interactions_with_agent/turk/${EXPERIMENT}`;
  expect([...syncAndCollect(objects, prefix).keys()]).toEqual(sessions);
  for (const { content } of objects.filter(({ key }) => key.startsWith(prefix))) expectFiles(content);
}

/** All that is looked for inside an archive. */
function expectFiles(archive: Buffer): void {
  expect(fileIn(archive, 'agent.log')).toContain('agent serves a worker');
  expect(fileIn(archive, 'nsp_outputs.csv')).toContain('build a house');
  expect(fileIn(archive, 'error_details.csv')).toContain('command|action_dict');
  expect(JSON.parse(fileIn(archive, 'job_metadata.json'))).toEqual({ batch_id: 1 });
  expect(JSON.parse(fileIn(archive, 'interaction_loggings_6e0f1c.json'))).toEqual([]);
}

describe.concurrent.each(Object.entries(ENDINGS))('a session %s', (_, end) => {
  test("is one of its batch for all the pipeline's readers", async ({ fixture, s3 }) => {
    await end({ fixture, s3 }, 'pipeline', { TURK_EXPERIMENT_ID: BATCH });
    expectBatch(s3, [TIMESTAMP]);
  });

  test('is one of its experiment, which it has named itself', async ({ fixture, s3 }) => {
    await end({ fixture, s3 }, 'usual', {}, EXPERIMENT);
    expectExperiment(s3, [TIMESTAMP]);
  });

  test('without an experiment is in no reader’s way', async ({ fixture, s3 }) => {
    await end({ fixture, s3 }, 'usual');
    expectExperiment(s3, []);
    const objects = savedIn(s3, 'craftassist');
    expect([...syncAndCollect(objects, 'turk_interactions_with_agent').keys()]).toEqual([TIMESTAMP]);
  });
});

describe.concurrent('two sessions of one TIMESTAMP', () => {
  test('are two of their batch', async ({ fixture, s3 }) => {
    for (let n = 1; n <= 2; n += 1)
      await endedByItsWorker({ fixture, s3 }, 'pipeline', { TURK_EXPERIMENT_ID: BATCH });
    expectBatch(s3, [TIMESTAMP, `${TIMESTAMP}.2`]);
  });

  test('are two of their experiment', async ({ fixture, s3 }) => {
    for (let n = 1; n <= 2; n += 1) await endedByItsWorker({ fixture, s3 }, 'usual', {}, EXPERIMENT);
    expectExperiment(s3, [TIMESTAMP, `${TIMESTAMP}.2`]);
  });
});

test('a session of the pipeline without an experiment is none of a batch', async ({ fixture, s3 }) => {
  await endedByItsWorker({ fixture, s3 }, 'pipeline', { TURK_EXPERIMENT_ID: BATCH });
  await endedByItsWorker({ fixture, s3 }, 'pipeline');
  expectBatch(s3, [TIMESTAMP]);
});

/** What somebody might set without the launchers. */
const byHand = (destination: string, timestamp: string) => ({
  RUN_SH_GZ_B64: undefined,
  SESSION_DESTINATION: destination,
  TIMESTAMP: timestamp,
});

test('a session at the top of the bucket whose TIMESTAMP has 14 digits is an empty batch', async ({
  fixture,
  s3,
}) => {
  const env = byHand(DESTINATIONS.pipeline, '20260101120000');
  await endedByItsWorker({ fixture, s3 }, 'pipeline', byHand(DESTINATIONS.pipeline, TIMESTAMP));
  expect(listBatches(savedIn(s3, 'droidlet-hitl'))).toEqual([]);
  await endedByItsWorker({ fixture, s3 }, 'pipeline', env);
  expect(listBatches(savedIn(s3, 'droidlet-hitl'))).toEqual([20260101120000]);
  expect(listSessions(savedIn(s3, 'droidlet-hitl'), '20260101120000')).toEqual([]);
  // As docs/session.md says: a second one of that name keeps the reader from listing anything.
  await endedByItsWorker({ fixture, s3 }, 'pipeline', env);
  expect(() => listBatches(savedIn(s3, 'droidlet-hitl'))).toThrow('20260101120000.2');
});

test.for([
  ['pipeline', `${BATCH}/interaction`, (s3: S3Server) => listSessions(savedIn(s3, 'droidlet-hitl'), BATCH)],
  ['usual', 'turk/4711', (s3: S3Server) => listExperiments(savedIn(s3, 'craftassist'))],
] as const)(
  'a destination that the readers list whole is told, since they fail on it: %s',
  async ([launcher, folder, read], { fixture, s3 }) => {
    const destination = `${DESTINATIONS[launcher]}/${folder}`;
    const session = start({ fixture, s3 }, launcher, {
      ...byHand(destination, TIMESTAMP),
      ...agent('leave'),
    });
    expect(await session.ended(), session.stderr()).toEqual({ code: 0, signal: null });
    expect(session.report().notices).toEqual([expect.stringContaining(`write ${DESTINATIONS[launcher]}, `)]);
    expect(() => read(s3)).toThrow(`${folder}/.sessions/${TIMESTAMP}/`);
  },
);
