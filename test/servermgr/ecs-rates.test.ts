import { expect, test } from 'vitest';
import { startAwsServer } from './support/aws-server.ts';
import { launcherOf } from './support/ecs-fleet.ts';
import { newRequest } from './support/launch-request.ts';

const signal = new AbortController().signal;

test.concurrent('launches and stops stay below a rate, however many there are at once', async () => {
  const operations = ['RunTask', 'StopTask'];
  await using aws = await startAwsServer({ limits: { write: { burst: 60, perSecond: 12, operations } } });
  const launcher = launcherOf(aws);
  await Promise.all(Array.from({ length: 65 }, () => launcher.launch(newRequest())));
  expect(aws.counts()).toEqual({ RunTask: { requests: 65, throttled: 0 } });
});

test.concurrent('where others use the account’s rate as well, a launcher slows down', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  await launcher.look([session], signal);
  aws.fail('DescribeTasks', { type: 'ThrottlingException', message: 'Rate exceeded' }, 1);
  await launcher.look([session], signal);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 12 }, () => launcher.look([session], signal)));
  // It goes at five a second, and not at once.
  expect(performance.now() - startMs).toBeGreaterThan(1_000);
});

test.concurrent('a look goes before the lists that wait, and a list that is given up waits no more', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  const abort = new AbortController();
  const lists = Promise.allSettled(Array.from({ length: 60 }, () => launcher.list(abort.signal)));
  expect(await launcher.look([session], signal)).toHaveLength(1);
  // The burst, and what has come in meanwhile: the lists need 180.
  const sent = aws.requests.length;
  expect(sent).toBeLessThan(70);
  const startMs = performance.now();
  abort.abort(new Error('not needed any more'));
  expect((await lists).filter(({ status }) => status === 'rejected').length).toBeGreaterThan(30);
  expect(performance.now() - startMs).toBeLessThan(1_000);
});
