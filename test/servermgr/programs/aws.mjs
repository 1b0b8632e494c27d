#!/usr/bin/env node
// aws: ECS and EC2 as a process of their own, with AWS's limits and a game behind every task's address. Prints a line of
// JSON: where AWS is (url), where the games are (gamePort), and a page for tests (control). There GET / tells the counts
// and the tasks, POST /end?session=<id>&exitCode=<n> ends one and tells when, POST /throttle?ms=<n> refuses for so long to
// list and describe tasks, and POST /trouble takes an AwsTrouble. --tasks <n>: so many run from the beginning, of the
// manager --manager <name>. --interface-ms, --running-ms, --address-ms, --listed-ms, --stop-ms: how tasks fare. --lost
// <share>: of so many answers nothing is heard. --unlimited: nothing is throttled. --port <n>: of AWS; --game-port <n>.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { TAGS } from '../../../src/servermgr/launchers/ecs/requests.ts';
import { PUBLISHED_LIMITS } from '../support/aws-limits.ts';
import { seedTasks } from '../support/aws-seed.ts';
import { startAwsServer } from '../support/aws-server.ts';
import { sessionOf, tagOf } from '../support/aws-tasks.ts';
import { withTrouble } from '../support/aws-trouble.ts';

const text = { type: 'string' };
const { values } = parseArgs({
  options: {
    ...{ tasks: text, manager: text, lost: text, port: text, unlimited: { type: 'boolean' } },
    ...{ 'interface-ms': text, 'running-ms': text, 'address-ms': text, 'listed-ms': text },
    ...{ 'stop-ms': text, 'game-port': text },
  },
});
const number = name => Number(values[name] ?? 0);

const trouble = withTrouble({
  ...{ interfaceMs: number('interface-ms'), runningMs: number('running-ms') },
  ...{ addressMs: number('address-ms'), listedMs: number('listed-ms'), stopMs: number('stop-ms') },
  ...{ pageSize: 100, port: number('port'), limits: values.unlimited ? {} : PUBLISHED_LIMITS },
  ...{ loses: () => Math.random() < number('lost'), keepsRequests: false },
});
const aws = await startAwsServer(trouble.plan);
seedTasks(aws, number('tasks'), values.manager ?? 'servermgr');
const gamePort = await aws.tasks.playGame(number('game-port'));

const control = createServer(async (request, response) => {
  const { method, url } = request;
  const { pathname, searchParams: query } = new URL(url, 'http://control');
  if (pathname === '/throttle') {
    aws.throttle(['ListTasks', 'DescribeTasks'], Number(query.get('ms')));
    return response.end();
  }
  if (pathname === '/trouble') {
    trouble.tell(await json(request));
    return response.end();
  }
  if (method === 'POST') {
    const found = aws.tasks.alive().filter(task => sessionOf(task) === query.get('session'));
    for (const task of found) aws.tasks.end(task, { exitCode: Number(query.get('exitCode') ?? 0) });
    return response.end(`${Date.now()}`);
  }
  const tasks = aws.tasks.all().map(({ task }) => {
    const { taskArn, host, createdMs, stopped } = task;
    const of = {
      session: sessionOf(task),
      manager: tagOf(task, TAGS.manager),
      visitor: tagOf(task, TAGS.visitorHash),
    };
    return { taskArn, ...of, host, createdMs, stopped };
  });
  response.end(
    JSON.stringify({
      ...{ counts: aws.counts(), refused: aws.refused(), looks: aws.looks() },
      ...{ pings: aws.tasks.pings(), tasks },
    }),
  );
});
// Whoever has forgotten it: it ends.
setTimeout(() => process.exit(), 3_600_000);
control.listen(0, '127.0.0.1');
await once(control, 'listening');
console.log(
  JSON.stringify({ url: aws.url, gamePort, control: `http://127.0.0.1:${control.address().port}` }),
);
