import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Capacity } from '../../src/config/servermgr-config.ts';
import { randomToken } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { startS3Server } from '../support/s3-server.ts';
import { type AwsServer, startAwsServer } from './support/aws-server.ts';
import { becomes, launched, launcherOf, openFleetOn } from './support/ecs-fleet.ts';
import { newRequest } from './support/launch-request.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor } from './support/visitor.ts';

const NO_CAPACITY =
  'Capacity is unavailable at this time. Please try again later or in a different availability zone';
const signal = new AbortController().signal;

test.concurrent('a launch is throttled, and comes through all the same', async () => {
  await using aws = await startAwsServer();
  aws.fail('RunTask', { type: 'ThrottlingException', message: 'Rate exceeded' }, 3);
  const session = await launcherOf(aws).launch(newRequest());
  expect(session.state.phase).toBe('requested');
  expect(operations(aws)).toEqual(['RunTask', 'RunTask', 'RunTask', 'RunTask']);
  expect(aws.tasks.alive()).toHaveLength(1);
});

test.concurrent('a look is throttled, by ECS and by EC2, and comes through all the same', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  await launcher.launch(newRequest());
  aws.fail('DescribeTasks', { type: 'ThrottlingException', message: 'Rate exceeded' }, 2);
  aws.fail('DescribeNetworkInterfaces', { type: 'RequestLimitExceeded' }, 2);
  const [session] = await launcher.list(signal);
  expect(session?.state).toMatchObject({ phase: 'running', address: { host: '127.0.0.2' } });
});

const THROTTLED = { type: 'ThrottlingException', message: 'Rate exceeded' };

test.concurrent('a launcher that is throttled takes no address away: what is known stays, with since when', {
  tags: ['slow'],
}, async () => {
  await using context = await openFleetOn({});
  const { aws, fleet } = context;
  const id = await launched(fleet);
  await becomes(fleet, id, ({ phase, knownMs }) => phase === 'ready' && knownMs === undefined);
  aws.fail('ListTasks', THROTTLED, 10_000);
  // By then a server that was not asked would count as one that has gone.
  const view = await becomes(
    fleet,
    id,
    ({ knownMs }) => knownMs !== undefined && Date.now() - knownMs > 9_000,
  );
  expect(view).toMatchObject({ phase: 'ready', address: { host: '127.0.0.2' } });
  expect((await fleet.snapshot()).fault?.sinceMs).toBe(view.knownMs);
});

test.concurrent('no rule stops a session while the launcher does not answer', {
  tags: ['slow'],
}, async () => {
  await using context = await openFleetOn({}, { launchTimeoutMs: 1, gamePort: await freePort() });
  const { aws, fleet } = context;
  // The launch has looked just before.
  await launched(fleet);
  const failures = 12;
  aws.fail('ListTasks', THROTTLED, failures);
  await eventually(() => operations(aws).includes('StopTask'));
  const before = operations(aws).slice(0, operations(aws).indexOf('StopTask'));
  expect(before.filter(operation => operation === 'ListTasks').length).toBeGreaterThan(failures);
});

test.concurrent('what lacks capacity is tried in each subnet, on Spot and then on Fargate', async () => {
  await using aws = await startAwsServer({
    refuse: ({ capacity, subnets }) =>
      capacity === 'FARGATE' && subnets.length === 1 && subnets[0] === 'subnet-b' ? undefined : NO_CAPACITY,
  });
  await launcherOf(aws, { capacity: ['FARGATE_SPOT', 'FARGATE'] }).launch(newRequest());
  const places = aws.requests.map(({ body }) => {
    const { awsvpcConfiguration } = body.networkConfiguration as {
      awsvpcConfiguration: { subnets: string[] };
    };
    const strategy = body.capacityProviderStrategy as { capacityProvider: string }[] | undefined;
    return `${strategy?.[0]?.capacityProvider ?? body.launchType} ${awsvpcConfiguration.subnets.join(' ')}`;
  });
  expect(places).toEqual([
    'FARGATE_SPOT subnet-a subnet-b',
    'FARGATE_SPOT subnet-a',
    'FARGATE_SPOT subnet-b',
    'FARGATE subnet-a subnet-b',
    'FARGATE subnet-a',
    'FARGATE subnet-b',
  ]);
  // Whichever of them starts it, a repeat starts nothing else.
  expect(new Set(aws.requests.map(({ body }) => body.clientToken)).size).toBe(1);
});

test.concurrent('no capacity anywhere is explained, and a quota is told from a lack of machines', async () => {
  await using none = await startAwsServer({ refuse: () => NO_CAPACITY });
  await expect(launcherOf(none).launch(newRequest())).rejects.toThrow(
    /Amazon has no free machine in any of the zones just now \(Capacity is unavailable/,
  );
  await using quota = await startAwsServer({
    refuse: () => "You've reached the limit on the number of vCPUs you can run concurrently",
  });
  await expect(launcherOf(quota).launch(newRequest())).rejects.toThrow(/Fargate quota is reached/);
});

test.concurrent('a refusal that no other place would change is not tried elsewhere', async () => {
  await using aws = await startAwsServer();
  aws.fail(
    'RunTask',
    { type: 'AccessDeniedException', message: 'not authorized to perform: ecs:RunTask' },
    99,
  );
  await expect(launcherOf(aws).launch(newRequest())).rejects.toThrow(/not authorized/);
  expect(operations(aws)).toEqual(['RunTask']);
});

test.concurrent('a task that finds no machine while it is provisioned is started again elsewhere, under its old id', async () => {
  await using fixture = await openFleetOn({
    dies: ({ place }) =>
      place.subnets.length > 1 ? { stopCode: 'TaskFailedToStart', stoppedReason: NO_CAPACITY } : undefined,
  });
  const { fleet, aws } = fixture;
  const id = await launched(fleet);
  const view = await becomes(fleet, id, ({ phase }) => phase === 'ready');
  expect(view.progress).toBe(100);
  expect(aws.tasks.all().map(({ task }) => task.place.subnets)).toEqual([
    ['subnet-a', 'subnet-b'],
    ['subnet-a'],
  ]);
});

test.concurrent('a task that dies at every attempt is given up after three, and says why', async () => {
  await using fixture = await openFleetOn({
    dies: () => ({ stopCode: 'TaskFailedToStart', stoppedReason: NO_CAPACITY }),
  });
  const { fleet, aws } = fixture;
  const view = await becomes(
    fleet,
    await launched(fleet),
    ({ phase, ended }) => phase === 'failed' && ended !== undefined && aws.tasks.all().length === 3,
  );
  expect(view.ended?.cause).toBe(NO_CAPACITY);
});

test.concurrent('an image that cannot be pulled is told to operators in ECS’s words, and is not tried again', async () => {
  const reason = 'CannotPullContainerError: pull image manifest has been retried 5 time(s): not found';
  await using fixture = await openFleetOn({
    interfaceMs: 200,
    runningMs: 60_000,
    dies: () => ({ stopCode: 'TaskFailedToStart', stoppedReason: reason }),
  });
  const { fleet, aws } = fixture;
  const view = await becomes(fleet, await launched(fleet), ({ phase }) => phase === 'failed');
  expect(view).toMatchObject({
    progress: 30,
    ended: { text: 'its server could not be started, with exit code 1', cause: reason },
  });
  expect(aws.tasks.all()).toHaveLength(1);
});

test.concurrent('an address that comes late is waited for, step by step', async () => {
  const never = 600_000;
  const plan = { interfaceMs: 300, runningMs: never, addressMs: never, listedMs: 400 };
  await using fixture = await openFleetOn(plan);
  const { fleet } = fixture;
  const id = await launched(fleet);
  const steps: number[] = [];
  const reaches = (wanted: number) =>
    becomes(fleet, id, ({ progress }) => {
      if (steps.at(-1) !== progress) steps.push(progress);
      return progress === wanted;
    });
  await reaches(30);
  plan.runningMs = 0;
  await reaches(50);
  plan.addressMs = 0;
  await reaches(100);
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
});

test.concurrent('a task that never gets anywhere is stopped in time, with its reason in ECS', async () => {
  await using fixture = await openFleetOn(
    { interfaceMs: 600_000, runningMs: 600_000 },
    { launchTimeoutMs: 800 },
  );
  const { fleet, aws } = fixture;
  const view = await becomes(fleet, await launched(fleet), ({ phase }) => phase === 'failed');
  expect(view.ended?.text).toBe('stopped because it did not become ready in time');
  expect(aws.requests.find(({ operation }) => operation === 'StopTask')?.body.reason).toBe(
    'stopped because it did not become ready in time',
  );
});

test.concurrent('a task that runs, and whose game is never reached, is stopped as well', async () => {
  await using fixture = await openFleetOn({}, { launchTimeoutMs: 800, gamePort: 1 });
  const view = await becomes(fixture.fleet, await launched(fixture.fleet), ({ phase }) => phase === 'failed');
  expect(view).toMatchObject({ progress: 75, ended: { stopped: 'never-ready' } });
});

test.concurrent('when ECS cannot be asked, what was known stays; after a minute nobody starts anything', {
  tags: ['slow'],
  timeout: 120_000,
}, async () => {
  await using fixture = await openFleetOn({});
  const { fleet, aws } = fixture;
  const id = await launched(fleet);
  await becomes(fleet, id, ({ phase }) => phase === 'ready');
  aws.fail('ListTasks', { type: 'AccessDeniedException', message: 'not authorized' }, 10_000);
  const fault = await eventually(async () => (await fleet.snapshot()).fault);
  expect(fault?.why).toContain('not authorized');
  // Places are counted by the table.
  const other = await launched(fleet);
  await eventually(() => Date.now() - (fault?.sinceMs ?? 0) > 61_000, { timeoutMs: 70_000 });
  expect(fleet.launchFault()?.why).toContain('not authorized');
  const form = { visitor: randomToken(), token: randomToken(), world: 'flat_world', network: undefined };
  expect(await fleet.launch(form)).toMatchObject({ kind: 'no-capacity' });
  expect((await fleet.snapshot()).views.map(view => view.id)).toEqual([id, other]);
  expect(aws.tasks.all()).toHaveLength(2);
});

test.concurrent('a double press whose launch fails leads to a page that says so', async () => {
  await using fixture = await openFleetOn({ delayMs: operation => (operation === 'RunTask' ? 500 : 0) });
  const { fleet, aws } = fixture;
  aws.fail('RunTask', { type: 'AccessDeniedException', message: 'not authorized' }, 1);
  const form = { visitor: randomToken(), token: randomToken(), world: 'flat_world', network: undefined };
  const [first, second] = await Promise.allSettled([fleet.launch(form), fleet.launch(form)]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'not authorized' } });
  if (second.status !== 'fulfilled' || second.value.kind !== 'launched') throw new Error('it has no page');
  const { id } = second.value;
  expect(await fleet.look(id)).toBeUndefined();
  expect(await fleet.remember(id)).toMatchObject({ phase: 'failed', ended: { cause: 'not authorized' } });
  // The same press may be tried again.
  expect(await fleet.launch(form)).toMatchObject({ kind: 'launched' });
});

/** Longer than a browser waits for a launcher. */
const SLOW_RUN_TASK = (operation: string) => (operation === 'RunTask' ? 12_000 : 0);

test.concurrent('nobody waits for a launcher that takes long: the launch goes on', {
  tags: ['slow'],
}, async () => {
  await using fixture = await openFleetOn({ delayMs: SLOW_RUN_TASK });
  const startMs = Date.now();
  const id = await launched(fixture.fleet);
  expect(Date.now() - startMs).toBeLessThan(12_000);
  await becomes(fixture.fleet, id, ({ phase }) => phase === 'ready');
  expect(fixture.aws.tasks.all()).toHaveLength(1);
});

test.concurrent('a launch that fails after nobody waited for it any more has failed on its page', {
  tags: ['slow'],
}, async () => {
  await using fixture = await openFleetOn({ delayMs: SLOW_RUN_TASK });
  const refused = { type: 'AccessDeniedException', message: 'not authorized' };
  fixture.aws.fail('RunTask', refused, 1);
  const id = await launched(fixture.fleet);
  const view = await becomes(fixture.fleet, id, ({ phase }) => phase === 'failed');
  expect(view.ended).toMatchObject({ text: 'its server could not be started', cause: 'not authorized' });
  expect(fixture.aws.tasks.all()).toHaveLength(0);
  // Nobody has tried it again meanwhile.
  expect(fixture.aws.counts().RunTask?.requests).toBe(1);
});

test.concurrent('tasks of others, in the same family, are no concern of the manager’s', async () => {
  await using aws = await startAwsServer();
  await launcherOf(aws, {}, 'theirs').launch(newRequest());
  await launcherOf(aws).launch(newRequest());
  expect(await launcherOf(aws).list(signal)).toHaveLength(1);
});

test.concurrent('a session costs what its task costs, and less on Spot', async () => {
  await using aws = await startAwsServer();
  const costOf = async (capacity: readonly Capacity[]) => {
    const launcher = launcherOf(aws, { capacity }, capacity.join());
    await launcher.launch(newRequest());
    return (await launcher.list(signal))[0]?.costPerHour;
  };
  const full = await costOf(['FARGATE']);
  // One vCPU and 4 GB.
  expect(full).toBeCloseTo(0.0583, 3);
  expect(await costOf(['FARGATE_SPOT'])).toBeCloseTo((full ?? 0) * 0.3, 5);
});

test.concurrent('a recovery is given the role that may read what was saved, and a launch none', async () => {
  await using aws = await startAwsServer();
  const recoveryRole = 'arn:aws:iam::123456789012:role/craftassist-recovery';
  const request = { name: 'lost', folder: 'lost', url: 's3://bucket/sessions/lost', env: {}, force: false };
  await launcherOf(aws, { recoveryRole }).launch(newRequest());
  await launcherOf(aws, { recoveryRole }).recover(request);
  await launcherOf(aws).recover(request);
  expect(aws.requests.map(({ body }) => body.overrides)).toEqual([
    { containerOverrides: [expect.not.objectContaining({ command: expect.anything() })] },
    {
      containerOverrides: [expect.objectContaining({ command: ['recover', request.url] })],
      taskRoleArn: recoveryRole,
    },
    { containerOverrides: [expect.objectContaining({ command: ['recover', request.url] })] },
  ]);
});

test.concurrent('the manager, set up by its environment alone, plays on ECS: by the SDK’s own endpoint settings', {
  tags: ['slow'],
}, async () => {
  await using aws = await startAwsServer({ interfaceMs: 100, runningMs: 200, addressMs: 300 });
  const s3 = await startS3Server();
  const folder = await mkdtemp(join(tmpdir(), 'servermgr-ecs-'));
  try {
    await using program = await startProgram(
      {
        SERVERMGR_LAUNCHER: 'ecs',
        SERVERMGR_SECRET: 's'.repeat(40),
        SERVERMGR_ECS_SUBNETS: 'subnet-a,subnet-b',
        SERVERMGR_ECS_SECURITY_GROUPS: 'sg-1',
        SERVERMGR_ECS_GAME_PORT: String(await aws.tasks.playGame()),
        SESSION_DESTINATION: 's3://bucket/turk_interactions_with_agent',
        SESSION_S3_PATH_STYLE: '1',
        AWS_ENDPOINT_URL_ECS: aws.url,
        AWS_ENDPOINT_URL_EC2: aws.url,
        AWS_ENDPOINT_URL_S3: s3.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'of',
        AWS_SECRET_ACCESS_KEY: 'tests',
      },
      folder,
    );
    const visitor = newVisitor(program.url);
    const id = idIn(await visitor.launch());
    await eventually(async () => (await visitor.status(id)).progress === 100);
    const run = aws.requests.find(({ operation }) => operation === 'RunTask')?.body;
    expect(run).toMatchObject({
      cluster: 'craftassist',
      taskDefinition: 'craftassist',
      startedBy: 'servermgr',
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { securityGroups: ['sg-1'], assignPublicIp: 'ENABLED' } },
    });
    expect(JSON.stringify(run)).not.toMatch(/AWS_|tests|ssss/);
    expect(JSON.stringify(run?.overrides)).toContain('s3://bucket/turk_interactions_with_agent');
    const [task] = aws.tasks.alive();
    if (task !== undefined) aws.tasks.end(task, { exitCode: 12 });
    await eventually(async () =>
      (await visitor.text(`/wait?q=${id}`)).includes('It has left no word of how it ended.'),
    );
  } finally {
    await s3.close();
    await rm(folder, { recursive: true, force: true });
  }
});

function operations(aws: AwsServer): string[] {
  return aws.requests.map(({ operation }) => operation);
}
