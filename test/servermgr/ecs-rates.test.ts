/** @module-tag slow */

import { expect, test } from 'vitest';
import { startAwsServer } from './support/aws-server.ts';
import { launcherOf } from './support/ecs-fleet.ts';
import { newRequest } from './support/launch-request.ts';

const signal = new AbortController().signal;

test.concurrent('launches and stops stay below a rate, however many there are at once', async () => {
  const operations = ['RunTask', 'StopTask'];
  await using aws = await startAwsServer({ limits: { write: { burst: 75, perSecond: 11, operations } } });
  const launcher = launcherOf(aws);
  await Promise.all(Array.from({ length: 90 }, () => launcher.launch(newRequest())));
  expect(aws.counts()).toEqual({ RunTask: { requests: 90, throttled: 0 } });
});

test.concurrent('where others use the account’s rate as well, a launcher slows down', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  await launcher.look([session], signal);
  aws.fail('DescribeTasks', { type: 'ThrottlingException', message: 'Rate exceeded' }, 1);
  await launcher.look([session], signal);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 40 }, () => launcher.look([session], signal)));
  // Half of the burst goes at once at most, and five a second after that.
  expect(performance.now() - startMs).toBeGreaterThan(1_000);
});

test.concurrent('a look goes before the lists that wait, and a list that is given up waits no more', async () => {
  await using aws = await startAwsServer();
  const launcher = launcherOf(aws);
  const session = await launcher.launch(newRequest());
  const abort = new AbortController();
  const lists = Promise.allSettled(Array.from({ length: 200 }, () => launcher.list(abort.signal)));
  expect(await launcher.look([session], signal)).toHaveLength(1);
  // The lists begin with 400 requests, of which 50 go at once, and ten a second.
  const sent = aws.requests.length;
  expect(sent).toBeLessThan(300);
  const abortMs = performance.now();
  abort.abort(new Error('not needed any more'));
  expect((await lists).filter(({ status }) => status === 'rejected').length).toBeGreaterThan(50);
  expect(aws.requests.length - sent).toBeLessThan(20);
  // By their turns they would wait for more than half a minute.
  expect(performance.now() - abortMs).toBeLessThan(10_000);
});
