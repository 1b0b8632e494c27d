/**
 * @module-tag slow
 * @module-tag alone
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createRandom, type Random } from '../support/random.ts';
import { startS3Server } from '../support/s3-server.ts';
import { type HonestPlan, playHonestly } from './chaos/honest.ts';
import { playHostilely } from './chaos/hostile.ts';
import { startInstances } from './chaos/instances.ts';
import { createJournal } from './chaos/journal.ts';
import { judge, type Limits, type Row } from './chaos/judge.ts';
import { startLoadBalancer } from './chaos/load-balancer.ts';
import { makeTroubles } from './chaos/troubles.ts';
import { startAwsProcess } from './support/aws-process.ts';
import { startPostgres } from './support/postgres.ts';

const HONEST = 190;
const HOSTILE = 10;
/** Honest visitors who share networks, and how many of them one has. */
const PUPILS = 40;
const CLASS = 10;
const KILL_EVERY_MS = 10_000;
/** Visitors come all the time while there are troubles. */
const COME_MS = 95_000;
const LAST_PRESS_MS = 135_000;
const ANSWERED_MS = 195_000;
/** By then every session has ended, also on a machine that has other things to do. */
const END_MS = 300_000;
const STOP_MS = 3_000;
const LIMITS: Limits = { fleet: 60, perNetwork: 6, perDay: 14, maxAgeMs: 40_000, launchTimeoutMs: 25_000 };
const NAME = 'chaos';

/** CHAOS_SEED repeats a run, as far as processes can be; CHAOS_REPORT names a file for all that was seen of it. */
test('in three instances, of which one is killed every ten seconds, 200 visitors have a session or a reason', async () => {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  const random = createRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'chaos-'));
  await using postgres = await startPostgres();
  const s3 = await startS3Server();
  await using aws = await startAwsProcess([
    ...['--tasks', '5', '--manager', 'somebody-else', '--stop-ms', `${STOP_MS}`],
    ...['--interface-ms', '800', '--running-ms', '2000', '--address-ms', '2500', '--listed-ms', '500'],
  ]);
  await using instances = await startInstances(
    {
      ...{ SERVERMGR_LAUNCHER: 'ecs', SERVERMGR_NAME: NAME, SERVERMGR_SECRET: 's'.repeat(32) },
      ...{ SERVERMGR_ECS_SUBNETS: 'subnet-a,subnet-b', SERVERMGR_ECS_SECURITY_GROUPS: 'sg-1' },
      ...{ SERVERMGR_ECS_GAME_PORT: `${aws.gamePort}`, SERVERMGR_ECS_TASK_DEFINITION: 'craftassist:7' },
      ...{ SERVERMGR_TRUSTED_PROXIES: '1', SERVERMGR_ADMIN_TOKEN: 'a-token-of-the-tests' },
      SERVERMGR_FLEET_LIMIT: `${LIMITS.fleet}`,
      SERVERMGR_SESSIONS_PER_NETWORK: `${LIMITS.perNetwork}`,
      SERVERMGR_LAUNCHES_PER_DAY: `${LIMITS.perDay}`,
      ...{
        SERVERMGR_MAX_AGE: `${LIMITS.maxAgeMs / 1_000}s`,
        SERVERMGR_LAUNCH_TIMEOUT: `${LIMITS.launchTimeoutMs / 1_000}s`,
      },
      ...{ DATABASE_URL: postgres.url, SESSION_DESTINATION: 's3://bucket/sessions' },
      ...{ AWS_ENDPOINT_URL_ECS: aws.url, AWS_ENDPOINT_URL_EC2: aws.url, AWS_ENDPOINT_URL_S3: s3.url },
      ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'of', AWS_SECRET_ACCESS_KEY: 'tests' },
    },
    folder,
    { count: 3, random },
  );
  await using balancer = await startLoadBalancer(instances.ports);
  const journal = createJournal();
  const startMs = Date.now();
  const until = {
    lastPressMs: startMs + LAST_PRESS_MS,
    answeredMs: startMs + ANSWERED_MS,
    endMs: startMs + END_MS,
  };
  const killing = setInterval(() => instances.killOne(), KILL_EVERY_MS);
  const honest = Array.from({ length: HONEST }, (_, index) =>
    playHonestly({ url: balancer.url, ...until, ...planOf(index, createRandom(seed + index)) }, journal),
  );
  const hostile = Array.from({ length: HOSTILE }, (_, index) =>
    playHostilely(
      {
        ...{ url: balancer.url, untilMs: until.lastPressMs, random: createRandom(seed - 1 - index) },
        ...{ network: `203.0.113.${index >> 1}`, port: instances.ports[index % 3] ?? 0 },
      },
      journal,
    ),
  );
  const { silent, told } = await makeTroubles(aws, postgres, random);
  await Promise.all([...honest, ...hostile]);
  clearInterval(killing);

  const tasks = async () => (await aws.read()).tasks.filter(({ manager }) => manager === NAME);
  const rows = () =>
    postgres.query<Row>(
      `select id, over_ms::float8, stop_reason, stop_ms::float8, attempt, launch_tried_ms::float8, confirmed_ms::float8, state, observation from ${NAME}.sessions`,
    );
  // Whoever has come last may have a session of full age.
  await eventually(
    async () => {
      const alive = (await tasks()).filter(
        ({ stopped }) => (stopped?.atMs ?? Number.POSITIVE_INFINITY) > Date.now(),
      );
      const open = (await rows()).filter(({ over_ms: over }) => over === null);
      expect([alive, open]).toEqual([[], []]);
      return true;
    },
    { timeoutMs: LIMITS.maxAgeMs + 60_000 },
  ).catch((error: unknown) => journal.faults.push(`at the end: ${error}`));
  instances.check();
  const evidence = { tasks: await tasks(), rows: await rows(), journal, silent, limits: LIMITS };
  const others = (await aws.read()).tasks.filter(
    ({ manager, stopped }) => manager !== NAME && stopped !== undefined,
  );
  const faults = [...new Set([...judge(evidence), ...journal.faults, ...instances.faults])];
  await s3.close();
  await rm(folder, { recursive: true, force: true });
  const summary = [
    `CHAOS_SEED=${seed}, ${(Date.now() - startMs) / 1_000} s`,
    ...told,
    ...[...journal.counts].map(([what, count]) => `${what}: ${count}`),
    `tasks: ${evidence.tasks.length}, stops answered: ${journal.stopsAnswered.size}`,
  ].join('\n');
  if (process.env.CHAOS_REPORT !== undefined)
    await writeFile(
      process.env.CHAOS_REPORT,
      JSON.stringify(
        { summary, faults, ...evidence, journal: undefined, sights: journal.sights },
        undefined,
        1,
      ),
    );
  expect(faults.slice(0, 20), summary).toEqual([]);
  expect(others, summary).toEqual([]);
  expect(evidence.tasks.length, summary).toBeGreaterThan(60);
}, 480_000);

/** What one of the honest visitors does. */
function planOf(
  index: number,
  random: Random,
): Omit<HonestPlan, 'url' | 'lastPressMs' | 'answeredMs' | 'endMs'> {
  return {
    network: index < PUPILS ? `198.51.100.${Math.floor(index / CLASS)}` : `10.0.${index >> 7}.${index & 127}`,
    startMs: random.below(COME_MS),
    sessions: random.pick([1, 1, 2]),
    doublePress: random.chance(0.3),
    events: random.chance(0.5),
    stopAfterMs: random.chance(0.5) ? random.between(1_000, 12_000) : undefined,
    random,
  };
}
