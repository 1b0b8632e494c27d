import { expect, onTestFinished, test, vi } from 'vitest';
import { createKnownTasks } from '../../src/servermgr/launchers/ecs/known-tasks.ts';
import { requestedSession } from '../../src/servermgr/launchers/launcher.ts';
import { eventually } from '../support/eventually.ts';
import { startAwsServer } from './support/aws-server.ts';
import { launcherOf } from './support/ecs-fleet.ts';
import { newRequest } from './support/launch-request.ts';

test.concurrent('a stop that is repeated is requested once, and once more by each instance that knows no better', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  for (let again = 0; again < 5; again += 1) await launcher.stop(session, 'admin');
  expect(aws.counts().StopTask?.requests).toBe(1);
  const other = launcherOf(aws);
  await other.stop(session, 'visitor');
  expect(aws.counts().StopTask?.requests).toBe(2);
  const third = launcherOf(aws);
  await third.look([session], new AbortController().signal);
  await third.stop(session, 'visitor');
  expect(aws.counts().StopTask?.requests).toBe(2);
  expect(aws.tasks.all()[0]?.task.stopped?.stoppedReason).toBe('stopped by an administrator');
});

test('a stop that ECS has taken, and does not show for long, is requested again', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const known = createKnownTasks('tests');
  known.stopRequested('arn');
  vi.advanceTimersByTime(14_000);
  expect(known.isStopping('arn')).toBe(true);
  vi.advanceTimersByTime(2_000);
  expect(known.isStopping('arn')).toBe(false);
});

test.concurrent('a stop whose answers are lost stops it once all the same', async () => {
  await using aws = await startAwsServer({
    loses: operation => operation === 'StopTask' && aws.requests.length < 4,
  });
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  await launcher.stop(session, 'admin');
  expect(aws.tasks.alive()).toEqual([]);
});

test.concurrent('a session whose launch has told of no task is found by its tags, as soon as ECS lists it', async () => {
  await using aws = await startAwsServer({ listedMs: 300 });
  const [request, bystander] = [newRequest(), newRequest()];
  await launcherOf(aws).launch(request);
  await launcherOf(aws).launch(bystander);
  const launcher = launcherOf(aws);
  await eventually(async () => {
    await launcher.stop(requestedSession(request, ''), 'admin');
    return aws.tasks.alive().length === 1;
  });
  const [alive] = aws.tasks.alive();
  expect(JSON.stringify(alive?.request)).toContain(bystander.id);
});

test.concurrent('a session that was never started is looked for at the pace of lists, however often it is stopped', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = requestedSession(newRequest(), '');
  await Promise.all(Array.from({ length: 20 }, () => launcher.stop(session, 'admin')));
  for (let again = 0; again < 20; again += 1) await launcher.stop(session, 'admin');
  // Of running tasks and of stopped ones.
  expect(aws.counts()).toEqual({ ListTasks: { requests: 2, throttled: 0 } });
});
