/** @module-tag slow */

import { expect, test } from 'vitest';
import { UncertainLaunchError } from '../../src/servermgr/launchers/launcher.ts';
import { startAwsServer } from './support/aws-server.ts';
import { launcherOf } from './support/ecs-fleet.ts';
import { newRequest } from './support/launch-request.ts';

const NO_CAPACITY = 'Capacity is unavailable at this time. Please try again later';

test.concurrent('a launch whose answers are all lost is uncertain, and its repeat finds what it has started', async () => {
  let isLossy = true;
  await using aws = await startAwsServer({ loses: () => isLossy });
  const request = newRequest();
  const fault = await launcherOf(aws).launch(request).catch(String);
  expect(fault).toContain('UncertainLaunchError');
  isLossy = false;
  // By another instance.
  const session = await launcherOf(aws).launch(request);
  expect(aws.tasks.alive().map(({ taskArn }) => taskArn)).toEqual([session.where]);
  expect(session).toMatchObject({ id: request.id, idempotencyKey: request.idempotencyKey });
});

test.concurrent.for([false, true])(
  'a repeat starts no second task where there was no capacity before the lost answer (refusals use tokens: %s)',
  async refusalsUseTokens => {
    let isFirst = true;
    await using aws = await startAwsServer({
      refusalsUseTokens,
      refuse: ({ subnets }) => (isFirst && subnets.length > 1 ? NO_CAPACITY : undefined),
      // The first place lacks capacity, and says so; the second has it, and its answers are lost.
      loses: operation => isFirst && operation === 'RunTask' && aws.tasks.alive().length > 0,
    });
    const request = newRequest();
    await expect(launcherOf(aws).launch(request)).rejects.toBeInstanceOf(UncertainLaunchError);
    isFirst = false;
    const sessions = await Promise.all([launcherOf(aws).launch(request), launcherOf(aws).launch(request)]);
    expect(aws.tasks.all()).toHaveLength(1);
    const [{ task } = { task: undefined }] = aws.tasks.all();
    expect(sessions.map(({ where }) => where)).toEqual([task?.taskArn, task?.taskArn]);
  },
);

test.concurrent('where refusals use tokens, the other places are tried all the same', async () => {
  await using aws = await startAwsServer({
    refusalsUseTokens: true,
    refuse: ({ subnets }) => (subnets[0] === 'subnet-b' ? undefined : NO_CAPACITY),
  });
  const { where } = await launcherOf(aws).launch(newRequest());
  expect(aws.tasks.alive()).toMatchObject([{ taskArn: where, place: { subnets: ['subnet-b'] } }]);
});

test.concurrent('an internal error of ECS leaves a launch uncertain, and is its cause', async () => {
  await using aws = await startAwsServer();
  aws.fail('RunTask', { type: 'ServerException', message: 'internal error', status: 500 }, 99);
  const fault = await launcherOf(aws)
    .launch(newRequest())
    .catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(UncertainLaunchError);
  expect(fault).toMatchObject({ message: /internal error/, cause: { name: 'ServerException' } });
});

test.concurrent('so does a throttling that outlasts the SDK’s patience', { tags: ['slow'] }, async () => {
  await using aws = await startAwsServer();
  aws.fail('RunTask', { type: 'ThrottlingException', message: 'Rate exceeded' }, 99);
  const fault = await launcherOf(aws)
    .launch(newRequest())
    .catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(UncertainLaunchError);
  // Not what arrived: between two attempts the server may close a connection that the next one is sent by.
  expect(fault).toMatchObject({ cause: { $metadata: { attempts: 6 } } });
});

test.concurrent('so does an ECS that cannot be reached', async () => {
  const aws = await startAwsServer();
  await aws[Symbol.asyncDispose]();
  await expect(launcherOf(aws).launch(newRequest())).rejects.toBeInstanceOf(UncertainLaunchError);
});

test.concurrent('so does a refusal that follows a lost answer', async () => {
  await using aws = await startAwsServer({
    loses: () => {
      aws.fail('RunTask', { type: 'AccessDeniedException', message: 'the role was taken away' }, 1);
      return aws.requests.length === 1;
    },
  });
  const request = newRequest();
  const launcher = launcherOf(aws);
  await expect(launcher.launch(request)).rejects.toBeInstanceOf(UncertainLaunchError);
  aws.fail('RunTask', { type: 'AccessDeniedException' }, 0);
  await launcher.launch(request);
  expect(aws.tasks.all()).toHaveLength(1);
});

test.concurrent('so does a task that ECS names, and does not describe yet', async () => {
  await using aws = await startAwsServer();
  const resourceIds = ['arn:aws:ecs:us-east-1:123456789012:task/craftassist/0'];
  aws.fail('RunTask', { type: 'ConflictException', extra: { resourceIds } }, 1);
  await expect(launcherOf(aws).launch(newRequest())).rejects.toBeInstanceOf(UncertainLaunchError);
});

test.concurrent('a token that another request is using leaves the launch uncertain', async () => {
  await using aws = await startAwsServer();
  aws.fail('RunTask', { type: 'ConflictException' }, 1);
  await expect(launcherOf(aws).launch(newRequest())).rejects.toBeInstanceOf(UncertainLaunchError);
  expect(aws.counts().RunTask?.requests).toBe(1);
});

test.concurrent.for([
  'AccessDeniedException',
  'InvalidParameterException',
  'ClientException',
  'ClusterNotFoundException',
])('a refusal with %s is certain', async type => {
  await using aws = await startAwsServer();
  aws.fail('RunTask', { type, message: 'never' }, 99);
  const fault = await launcherOf(aws)
    .launch(newRequest())
    .catch((error: unknown) => error);
  expect(fault).toMatchObject({ name: type, message: 'never' });
  expect(aws.counts().RunTask?.requests).toBe(1);
});

test.concurrent('a session costs from its launch on', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws, { capacity: ['FARGATE_SPOT'] });
  const { costPerHour, where } = await launcher.launch(newRequest());
  const [listed] = await launcher.list(new AbortController().signal);
  expect(listed).toMatchObject({ where, costPerHour });
  expect(costPerHour).toBeGreaterThan(0);
});
