import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { EcsSettings } from '../../../src/config/servermgr-config.ts';
import { createClients } from '../../../src/servermgr/launchers/ecs/clients.ts';
import { createLimits, type Limits } from './aws-limits.ts';
import { describeInterfaces, newTaskStore, type TaskPlan, type TaskStore } from './aws-tasks.ts';

export interface AwsServer extends AsyncDisposable {
  readonly url: string;
  readonly tasks: TaskStore;
  /** Every ECS and EC2 request, as `RunTask`, `DescribeNetworkInterfaces`, … */
  readonly requests: readonly { readonly operation: string; readonly body: Record<string, unknown> }[];
  /** How many requests of each operation there were, and how many of them were throttled by the limits. */
  counts(): Readonly<Record<string, { readonly requests: number; readonly throttled: number }>>;
  /** The next so many requests of that operation fail so. */
  fail(operation: string, error: Omit<Refusal, 'message'> & { message?: string }, times: number): void;
  /** For so long these operations are throttled, as where others of the account use all of their rate. */
  throttle(operations: readonly string[], forMs: number): void;
  /** How many of its answers throttled, because of `throttle`. */
  refused(): number;
  /** How many requests had read tasks when each look at all of them began. */
  looks(): readonly number[];
  clients(): ReturnType<typeof createClients>;
}

export interface AwsPlan extends TaskPlan {
  /** Token buckets by operation; default: none. */
  readonly limits?: Limits;
  /** Whether a request that is carried out gets no answer: its connection is closed. */
  readonly loses?: (operation: string) => boolean;
  /** Whether a request is throttled, besides what the limits say. */
  readonly throttles?: () => boolean;
  /** Whether nobody is there: connections are closed, and nothing is carried out. */
  readonly isAway?: () => boolean;
  /** How long an answer takes; default: no time. */
  readonly delayMs?: (operation: string) => number;
  /** Whether `requests` has them; default: yes. */
  readonly keepsRequests?: boolean;
  /** Default: any. */
  readonly port?: number;
}

/**
 * ECS and EC2 as far as a launcher sees them, behind one address: ECS in the JSON protocol (named by X-Amz-Target),
 * EC2 in the query protocol (answered in XML). Tasks go through their states as time passes.
 */
export async function startAwsServer(plan: AwsPlan = {}): Promise<AwsServer> {
  const tasks = newTaskStore(plan);
  const limits = createLimits(plan.limits ?? {});
  const counts: Record<string, { requests: number; throttled: number }> = {};
  const requests: { operation: string; body: Record<string, unknown> }[] = [];
  const failures = new Map<string, Refusal & { left: number }>();
  const throttledUntilMs = new Map<string, number>();
  const looks: number[] = [];
  let refused = 0;
  const server = http.createServer((message, response) => void serve(message, response));
  server.listen(plan.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (plan.isAway?.()) return void message.socket.destroy();
    const sent = await text(message);
    const target = message.headers['x-amz-target'];
    const form = new URLSearchParams(sent);
    const operation = typeof target === 'string' ? (target.split('.')[1] ?? '') : (form.get('Action') ?? '');
    const body = typeof target === 'string' ? JSON.parse(sent || '{}') : Object.fromEntries(form);
    if (plan.keepsRequests ?? true) requests.push({ operation, body });
    const count = counts[operation] ?? { requests: 0, throttled: 0 };
    counts[operation] = count;
    if (operation === 'ListTasks' && body.desiredStatus === 'RUNNING' && body.nextToken === undefined) {
      looks.push((counts.ListTasks?.requests ?? 0) + (counts.DescribeTasks?.requests ?? 0));
    }
    count.requests += 1;
    if (plan.delayMs !== undefined) await setTimeout(plan.delayMs(operation));
    const isEcs = typeof target === 'string';
    const isRefused = Date.now() < (throttledUntilMs.get(operation) ?? 0);
    if (isRefused || plan.throttles?.() || !limits.take(operation)) {
      if (isRefused) refused += 1;
      else count.throttled += 1;
      const type = isEcs ? 'ThrottlingException' : 'RequestLimitExceeded';
      return answerError(response, { type, message: 'Rate exceeded', status: isEcs ? 400 : 503 }, isEcs);
    }
    const failure = failures.get(operation);
    if (failure !== undefined && failure.left > 0) {
      failure.left -= 1;
      return answerError(response, failure, isEcs);
    }
    try {
      const told = isEcs ? JSON.stringify(ecsAnswer(operation, body)) : describeInterfaces(form, tasks);
      if (plan.loses?.(operation)) message.socket.destroy();
      else answer(response, isEcs ? 'application/x-amz-json-1.1' : 'text/xml', told);
    } catch (error) {
      answerError(response, error as Refusal, isEcs);
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
    counts: () => counts,
    fail(operation, { message = '', ...error }, times) {
      failures.set(operation, { ...error, message: message || error.type, left: times });
    },
    throttle(operations, forMs) {
      for (const operation of operations) throttledUntilMs.set(operation, Date.now() + forMs);
    },
    refused: () => refused,
    looks: () => looks,
    clients: () => clientsOf(url),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await tasks.close();
    },
  };
}

/** The SDK's clients, as the launcher has them, of the simulated AWS at that URL. */
export function clientsOf(url: string): ReturnType<typeof createClients> {
  return createClients(undefined, {
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'of', secretAccessKey: 'tests' },
  });
}

function answer(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'content-type': type }).end(body);
}

interface Refusal {
  readonly type: string;
  readonly message: string;
  readonly extra?: object;
  readonly status?: number;
}

function answerError(
  response: ServerResponse,
  { type, message, extra, status = 400 }: Refusal,
  json: boolean,
): void {
  const body = json
    ? JSON.stringify({ __type: type, message, ...extra })
    : `<Response><Errors><Error><Code>${type}</Code><Message>${message}</Message></Error></Errors><RequestID>1</RequestID></Response>`;
  const contentType = json ? 'application/x-amz-json-1.1' : 'text/xml';
  response.writeHead(status, { 'content-type': contentType }).end(body);
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
