import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../src/config/servermgr-config.ts';
import { describeInterfaces, newTaskStore, type TaskPlan, type TaskStore } from './aws-tasks.ts';

export interface AwsServer extends AsyncDisposable {
  readonly url: string;
  readonly tasks: TaskStore;
  /** Every ECS and EC2 request, as `RunTask`, `DescribeNetworkInterfaces`, … */
  readonly requests: readonly { readonly operation: string; readonly body: Record<string, unknown> }[];
  /** The next so many requests of that operation fail so. */
  fail(operation: string, error: { type: string; message?: string }, times: number): void;
  clients(): { ecs: ECSClient; ec2: EC2Client };
}

/**
 * ECS and EC2 as far as a launcher sees them, behind one address: ECS in the JSON protocol (named by X-Amz-Target),
 * EC2 in the query protocol (answered in XML). Tasks go through their states as time passes.
 */
export async function startAwsServer(plan: TaskPlan = {}): Promise<AwsServer> {
  const tasks = newTaskStore(plan);
  const requests: { operation: string; body: Record<string, unknown> }[] = [];
  const failures = new Map<string, { type: string; message: string; left: number }>();
  const server = http.createServer((message, response) => void serve(message, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await text(message);
    const target = message.headers['x-amz-target'];
    const form = new URLSearchParams(sent);
    const operation = typeof target === 'string' ? (target.split('.')[1] ?? '') : (form.get('Action') ?? '');
    const body = typeof target === 'string' ? JSON.parse(sent || '{}') : Object.fromEntries(form);
    requests.push({ operation, body });
    const failure = failures.get(operation);
    if (failure !== undefined && failure.left > 0) {
      failure.left -= 1;
      return answerError(response, failure, typeof target === 'string');
    }
    if (typeof target !== 'string')
      return answer(response, 'text/xml', describeInterfaces(form, tasks.all()));
    try {
      answer(response, 'application/x-amz-json-1.1', JSON.stringify(ecsAnswer(operation, body)));
    } catch (error) {
      answerError(response, error as { type: string; message: string; extra?: object }, true);
    }
  }

  function ecsAnswer(operation: string, body: Record<string, unknown>): object {
    switch (operation) {
      case 'RunTask':
        return tasks.run(body);
      case 'ListTasks':
        return tasks.list(body);
      case 'DescribeTasks':
        return tasks.describe(body);
      case 'StopTask':
        return tasks.stop(body);
      default:
        throw { type: 'InvalidAction', message: operation };
    }
  }

  return {
    url,
    tasks,
    requests,
    fail(operation, { type, message = type }, times) {
      failures.set(operation, { type, message, left: times });
    },
    clients() {
      const config = {
        endpoint: url,
        region: 'us-east-1',
        credentials: { accessKeyId: 'of', secretAccessKey: 'tests' },
        maxAttempts: 6,
      };
      return { ecs: new ECSClient(config), ec2: new EC2Client(config) };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await tasks.close();
    },
  };
}

function answer(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'content-type': type }).end(body);
}

function answerError(
  response: ServerResponse,
  { type, message, extra }: { type: string; message: string; extra?: object },
  json: boolean,
): void {
  const body = json
    ? JSON.stringify({ __type: type, message, ...extra })
    : `<Response><Errors><Error><Code>${type}</Code><Message>${message}</Message></Error></Errors><RequestID>1</RequestID></Response>`;
  response.writeHead(400, { 'content-type': json ? 'application/x-amz-json-1.1' : 'text/xml' }).end(body);
}

/** What a manager is told of that ECS. */
export function ecsSettings(): EcsSettings {
  return {
    kind: 'ecs',
    cluster: 'craftassist',
    taskDefinition: 'craftassist:7',
    container: 'craftassist',
    recoveryRole: undefined,
    subnets: ['subnet-a', 'subnet-b'],
    securityGroups: ['sg-1'],
    capacity: ['FARGATE'],
    gamePort: 25_565,
    dashboardPort: undefined,
  };
}
