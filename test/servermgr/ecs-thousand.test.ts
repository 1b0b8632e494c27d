import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ping } from '../../src/minecraft/ping.ts';
import { createAddressLookup } from '../../src/servermgr/launchers/ecs/addresses.ts';
import { openEcs } from '../../src/servermgr/launchers/ecs/ecs.ts';
import { type AwsProcess, startAwsProcess } from './support/aws-process.ts';
import { clientsOf, ecsSettings } from './support/aws-server.ts';

const TASKS = 1_000;
const LOOKED_AT = 50;
const LISTS = 4;
const signal = new AbortController().signal;

test('a thousand tasks are listed, and fifty looked at every second, without being throttled', {
  tags: ['slow'],
}, async () => {
  await using aws = await startAwsProcess(['--tasks', `${TASKS}`, '--manager', 'tests']);
  const launcher = launcherOf(aws);
  const sessions = await launcher.list(signal);
  expect(sessions).toHaveLength(TASKS);
  const hosts = sessions.flatMap(({ state }) => (state.phase === 'running' ? [state.address.host] : []));
  expect(new Set(hosts).size).toBe(TASKS);
  await Promise.all(
    [0, 499, 999].map(index =>
      ping({ host: hosts[index] ?? '', port: aws.gamePort }, { timeoutMs: 5_000, signal }),
    ),
  );

  let looks = 0;
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      expect(await launcher.look(sessions.slice(0, LOOKED_AT), signal)).toHaveLength(LOOKED_AT);
      looks += 1;
      await setTimeout(1_000);
    }
  })();
  // Whoever lists at that interval sees at the next list but one what has happened just after a list began.
  const intervalMs = launcher.pollIntervalMs(TASKS);
  let slowestMs = 0;
  let endedMs: number | undefined;
  let seenMs: number | undefined;
  for (let list = 1; list < LISTS; list += 1) {
    await setTimeout(intervalMs);
    const startMs = performance.now();
    const listing = launcher.list(signal);
    if (list === 1) {
      endedMs = performance.now();
      await aws.end(sessions.at(-1)?.id ?? '');
    }
    const ended = (await listing).filter(({ state }) => state.phase === 'ended');
    if (ended.length > 0) seenMs ??= performance.now();
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
  }
  isOver = true;
  await looking;

  const { counts } = await aws.read();
  const told = JSON.stringify({ counts, looks, slowestMs, intervalMs, endedMs, seenMs });
  const reads = (counts.ListTasks?.requests ?? 0) + (counts.DescribeTasks?.requests ?? 0) - looks;
  expect(reads / LISTS, told).toBeLessThanOrEqual(30);
  expect((reads / LISTS / intervalMs) * 1_000, told).toBeLessThanOrEqual(3);
  // A thousand addresses, 200 at once, and nothing after that.
  expect(counts.DescribeNetworkInterfaces?.requests, told).toBe(5);
  expect(
    Object.values(counts).filter(({ throttled }) => throttled > 0),
    told,
  ).toEqual([]);
  expect((seenMs ?? Number.POSITIVE_INFINITY) - (endedMs ?? 0), told).toBeLessThan(15_000);
});

test('small fleets are listed every two seconds, and no fleet less often than every ten', () => {
  const { pollIntervalMs, close } = launcherOf({ url: 'http://127.0.0.1:1', gamePort: 1 });
  close();
  expect([0, 5, 100].map(pollIntervalMs)).toEqual([2_000, 2_000, 2_000]);
  expect(pollIntervalMs(500)).toBeGreaterThan(4_000);
  expect(pollIntervalMs(1_000)).toBeGreaterThan(9_000);
  expect(pollIntervalMs(5_000)).toBe(10_000);
});

function launcherOf({ url, gamePort }: Pick<AwsProcess, 'url' | 'gamePort'>) {
  const { ecs, ec2 } = clientsOf(url);
  const options = { ecs, findAddresses: createAddressLookup(ec2), name: 'tests' };
  return openEcs({ ...ecsSettings(), gamePort }, options);
}
