import { expect, test } from 'vitest';
import { requestedSession } from '../../src/servermgr/launchers/launcher.ts';
import { startAwsServer } from './support/aws-server.ts';
import { launcherOf } from './support/ecs-fleet.ts';
import { newRequest } from './support/launch-request.ts';

const signal = new AbortController().signal;

test.concurrent('a look describes the sessions that are given, and no others', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const [one] = await Promise.all([1, 2, 3].map(() => launcher.launch(newRequest())));
  if (one === undefined) throw new Error('nothing was launched');
  const looked = await launcher.look(
    [one, one, requestedSession(newRequest(), ''), requestedSession(newRequest(), `${one.where}0`)],
    signal,
  );
  expect(looked).toMatchObject([{ id: one.id, where: one.where, state: { phase: 'running' } }]);
  expect(await launcher.look([requestedSession(newRequest(), '')], signal)).toEqual([]);
  expect(aws.requests.filter(({ operation }) => operation === 'DescribeTasks')).toMatchObject([
    { body: { tasks: [one.where, `${one.where}0`] } },
  ]);
  expect(aws.counts().ListTasks).toBeUndefined();
});

test.concurrent('a task that has stopped, a recovery and another manager’s task are described once', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  await launcher.recover({ name: 'lost', folder: 'lost', url: 's3://b/lost', env: {}, force: false });
  await launcherOf(aws, {}, 'theirs').launch(newRequest());
  await launcher.stop(session, 'admin');
  for (let again = 0; again < 3; again += 1) {
    expect(await launcher.list(signal)).toMatchObject([{ state: { phase: 'ended' } }]);
    expect(await launcher.look([session], signal)).toMatchObject([{ state: { phase: 'ended' } }]);
  }
  expect(aws.counts().DescribeTasks?.requests).toBe(1);
});

test.concurrent('an address is asked for once, whether all are listed or one is looked at', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const sessions = await Promise.all([1, 2, 3].map(() => launcher.launch(newRequest())));
  for (let again = 0; again < 3; again += 1) {
    await launcher.list(signal);
    expect(await launcher.look(sessions.slice(0, 1), signal)).toMatchObject([
      { state: { phase: 'running' } },
    ]);
  }
  expect(aws.counts().DescribeNetworkInterfaces?.requests).toBe(1);
});
