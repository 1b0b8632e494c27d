/** @module-tag slow */

import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import {
  openSessionFixture,
  program,
  type RunningSupervisor,
  type SessionFixture,
} from '../support/session.ts';
import { savedIn } from './buckets.ts';
import { launchEnvironment } from './launcher.ts';
import { fileIn, listBatches, listSessions, openAll, syncAndCollect } from './readers.ts';

const BATCH = '20261122112600';
const BUCKET = 'droidlet-hitl';
const SESSIONS = 10;
/** As a container is whose machine dies. */
const KILLED = [1, 4, 8];
/** By the launcher, when its batch is over; the others end when their worker has left. */
const STOPPED = [2, 5, 7];

interface Played {
  readonly timestamp: string;
  readonly command: string;
}

test('a batch of ten, three of them killed and recovered, is whole for all readers', {
  timeout: 120_000,
}, async ({ onTestFinished }) => {
  const s3 = await startS3Server({ buckets: [BUCKET], accessKeys: ['AKIDLAUNCHER'] });
  onTestFinished(() => s3.close());
  const played = await Promise.all(Array.from({ length: SESSIONS }, (_, index) => play(s3, index)));
  expect(listSessions(savedIn(s3, BUCKET), BATCH)).toHaveLength(SESSIONS - KILLED.length);
  await recoverAll(s3);

  const objects = savedIn(s3, BUCKET);
  const timestamps = played.map(({ timestamp }) => timestamp);
  expect(listBatches(objects)).toEqual([Number(BATCH)]);
  expect(listSessions(objects, BATCH).toSorted()).toEqual(timestamps);
  expect(openAll(objects, BATCH).size).toBe(SESSIONS);
  const collected = syncAndCollect(objects, `${BATCH}/interaction`);
  for (const { timestamp, command } of played) {
    expect(collected.get(timestamp)).toContain(`${command}|{}|NSP|`);
    const { content } = objects.find(({ key }) => key === keyOf(timestamp)) ?? {};
    if (content === undefined) throw new Error(`there is no archive of ${timestamp}`);
    expect(fileIn(content, 'agent.log')).toContain('agent serves a worker');
    expect(fileIn(content, 'error_details.csv')).toContain('command|action_dict');
    expect(JSON.parse(fileIn(content, 'job_metadata.json'))).toEqual({ batch_id: 1 });
    expect(JSON.parse(fileIn(content, 'interaction_loggings_6e0f1c.json'))).toEqual([]);
  }
});

const keyOf = (timestamp: string) => `${BATCH}/interaction/${timestamp}/logs.tar.gz`;

/** Launches a session, of which only its programs are not the image's, and plays it as a worker at the dashboard does. */
async function play(s3: S3Server, index: number): Promise<Played> {
  await using fixture = await openSessionFixture();
  const timestamp = `2026-11-22T11:26:${36 + index}.123456+00:00`;
  const command = `build house ${index}`;
  const dashboard = await freePort();
  const session = fixture.start({
    ...imageEnvironment(s3, dashboard),
    ...launchEnvironment({ batch: BATCH, timestamp, accessKey: 'AKIDLAUNCHER', secretKey: 'sessions' }),
  });
  await session.logged('"phase":"playing"');
  const browser = new Agent({ keepAlive: true, maxSockets: 1 });
  await eventually(() => post(browser, dashboard, command));
  // Half a minute later: until then it may be somebody who only looks in.
  await session.logged('"event":"players_changed","people":1,"dashboard":1');
  await end({ s3, index, fixture, session, browser, command });
  browser.destroy();
  return { timestamp, command };
}

interface Playing {
  readonly s3: S3Server;
  readonly index: number;
  readonly fixture: SessionFixture;
  readonly session: RunningSupervisor;
  readonly browser: Agent;
  readonly command: string;
}

async function end({ s3, index, fixture, session, browser, command }: Playing): Promise<void> {
  if (KILLED.includes(index)) {
    await journaled(s3, command);
    return fixture.killAll();
  }
  if (STOPPED.includes(index)) session.signal('SIGTERM');
  else browser.destroy();
  expect(await session.ended(), session.stderr()).toEqual({ code: 0, signal: null });
  expect(session.report()).toMatchObject({ people: { peak: 1, dashboardPeak: 1 }, saved: 'archive' });
}

function imageEnvironment(s3: S3Server, dashboard: number): Record<string, string | undefined> {
  return {
    ...s3Environment(s3),
    SESSION_DESTINATION: undefined,
    SESSION_JOURNAL_INTERVAL: '100ms',
    SESSION_AGENT_COMMAND: program('agent-takes-commands'),
    MCDASHBOARD_PORT: `${dashboard}`,
  };
}

async function post(agent: Agent, port: number, command: string): Promise<boolean> {
  const sent = request({ agent, port, host: '127.0.0.1', method: 'POST' }).end(command);
  const [response] = await once(sent, 'response');
  response.resume();
  return true;
}

async function journaled(s3: S3Server, command: string): Promise<void> {
  await eventually(() =>
    savedIn(s3, BUCKET)
      .filter(({ key }) => /\/journal\/\d+\.tar\.gz$/.test(key))
      .some(({ content }) => gunzipSync(content).includes(command)),
  );
}

/** As an operator who knows the bucket, and nothing of its sessions. */
async function recoverAll(s3: S3Server): Promise<void> {
  await using fixture = await openSessionFixture();
  const place = { ...s3Environment(s3), SESSION_DESTINATION: undefined, AWS_SECRET_ACCESS_KEY: 'sessions' };
  const recovery = fixture.start(place, 'recover', '--all', '--force', `s3://${BUCKET}`);
  expect(await recovery.ended(), recovery.stderr()).toEqual({ code: 0, signal: null });
}
