import { randomUUID } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { type StatusServer, serveStatus } from '../../support/status-server.ts';
import { servePage } from './page-server.ts';

/** How tasks fare, read anew at every look. Times are milliseconds from RunTask on. */
export interface TaskPlan {
  /** When the interface is there, when the task runs, and when its interface has a public address. */
  readonly interfaceMs?: number;
  readonly runningMs?: number;
  readonly addressMs?: number;
  /** How RunTask fails, for a place; undefined: it does not. */
  readonly refuse?: (place: PlaceOfRun) => string | undefined;
  /** How a task dies before it runs; undefined: it does not. */
  readonly dies?: (task: FakeTask) => { stopCode: string; stoppedReason: string } | undefined;
  /** A task is listed only so long after RunTask: ECS is eventually consistent. */
  readonly listedMs?: number;
}

export interface PlaceOfRun {
  readonly capacity: string;
  readonly subnets: readonly string[];
}

export interface FakeTask {
  readonly taskArn: string;
  readonly place: PlaceOfRun;
  readonly request: Record<string, unknown>;
  readonly createdMs: number;
  readonly host: string;
  stopped: { atMs: number; stopCode: string; stoppedReason: string; exitCode: number } | undefined;
}

export type TaskStore = ReturnType<typeof newTaskStore>;

const CLUSTER_ARN = 'arn:aws:ecs:us-east-1:123456789012:cluster/craftassist';

export function newTaskStore(plan: TaskPlan) {
  const tasks: FakeTask[] = [];
  const tokens = new Map<string, { text: string; task: FakeTask }>();
  let game: StatusServer | undefined;
  let dashboard: Server | undefined;
  let online = 1;
  const ageMs = (task: FakeTask) => Date.now() - task.createdMs;

  function run(request: Record<string, unknown>): object {
    const token = String(request.clientToken ?? randomUUID());
    const text = JSON.stringify(request);
    const known = tokens.get(token);
    if (known !== undefined) {
      if (known.text === text) return { tasks: [toJson(known.task)], failures: [] };
      throw {
        type: 'ConflictException',
        message: 'the client token is in use with another request',
        extra: { resourceIds: [known.task.taskArn] },
      };
    }
    const place = placeOf(request);
    const refusal = plan.refuse?.(place);
    if (refusal !== undefined) return { tasks: [], failures: [{ reason: refusal }] };
    const task: FakeTask = {
      taskArn: `${CLUSTER_ARN.replace(':cluster/', ':task/')}/${randomUUID().replaceAll('-', '')}`,
      place,
      request,
      createdMs: Date.now(),
      host: `127.0.0.${2 + (tasks.length % 250)}`,
      stopped: undefined,
    };
    tasks.push(task);
    tokens.set(token, { text, task });
    return { tasks: [toJson(task)], failures: [] };
  }

  function list({ desiredStatus, family, nextToken }: Record<string, unknown>): object {
    const found = tasks.filter(task => {
      settle(task);
      const stopped = task.stopped !== undefined;
      const isFamily = String(task.request.taskDefinition).startsWith(String(family));
      return isFamily && ageMs(task) >= (plan.listedMs ?? 0) && stopped === (desiredStatus === 'STOPPED');
    });
    // Pages of three, so that paging is tested.
    const start = Number(nextToken ?? 0);
    const page = found.slice(start, start + 3).map(({ taskArn }) => taskArn);
    return { taskArns: page, ...(found.length > start + 3 && { nextToken: String(start + 3) }) };
  }

  function describe(body: Record<string, unknown>): object {
    const arns = body.tasks as string[];
    if (arns.length === 0 || arns.length > 100) throw { type: 'InvalidParameterException', message: 'tasks' };
    const found = tasks.filter(({ taskArn }) => arns.includes(taskArn));
    return { tasks: found.map(toJson), failures: [] };
  }

  function stop(body: Record<string, unknown>): object {
    const task = tasks.find(({ taskArn }) => taskArn === body.task);
    if (task === undefined)
      throw { type: 'InvalidParameterException', message: 'The referenced task was not found.' };
    end(task, { stopCode: 'UserInitiated', stoppedReason: String(body.reason), exitCode: 0 });
    return { task: toJson(task) };
  }

  function end(
    task: FakeTask,
    {
      stopCode = 'EssentialContainerExited',
      stoppedReason = 'Essential container in task exited',
      exitCode = 0,
    } = {},
  ): void {
    task.stopped ??= { atMs: Date.now(), stopCode, stoppedReason, exitCode };
  }

  /** Whether a task has died meanwhile. */
  function settle(task: FakeTask): void {
    const death = plan.dies?.(task);
    if (death !== undefined && ageMs(task) >= (plan.interfaceMs ?? 0)) end(task, { ...death, exitCode: 1 });
  }

  function toJson(task: FakeTask): object {
    settle(task);
    const age = ageMs(task);
    const running = age >= (plan.runningMs ?? 0) && plan.dies?.(task) === undefined;
    const overrides = task.request.overrides as { containerOverrides: { name: string }[] };
    return {
      taskArn: task.taskArn,
      clusterArn: CLUSTER_ARN,
      cpu: '1024',
      memory: '4096',
      capacityProviderName: task.place.capacity,
      createdAt: task.createdMs / 1_000,
      ...(running && { startedAt: (task.createdMs + (plan.runningMs ?? 0)) / 1_000 }),
      desiredStatus: task.stopped === undefined ? 'RUNNING' : 'STOPPED',
      lastStatus:
        task.stopped !== undefined
          ? 'STOPPED'
          : running
            ? 'RUNNING'
            : age >= (plan.interfaceMs ?? 0)
              ? 'PENDING'
              : 'PROVISIONING',
      ...(task.stopped && {
        stopCode: task.stopped.stopCode,
        stoppedReason: task.stopped.stoppedReason,
        stoppedAt: task.stopped.atMs / 1_000,
      }),
      tags: task.request.tags,
      containers: overrides.containerOverrides.map(({ name }) => ({
        name,
        ...(task.stopped && { exitCode: task.stopped.exitCode }),
      })),
      attachments:
        age >= (plan.interfaceMs ?? 0) && task.stopped === undefined
          ? [
              {
                type: 'ElasticNetworkInterface',
                details: [{ name: 'networkInterfaceId', value: interfaceOf(task) }],
              },
            ]
          : [],
    };
  }

  return {
    run,
    list,
    describe,
    stop,
    end,
    all: () => tasks.map(task => ({ task, hasAddress: ageMs(task) >= (plan.addressMs ?? 0) })),
    alive: () => tasks.filter(({ stopped }) => stopped === undefined),
    /** One game behind every task's address: 127.0.0.2 and on. @returns its port. */
    async playGame(): Promise<number> {
      game ??= await serveStatus({ online: () => online });
      return game.port;
    },
    /** Likewise one dashboard. @returns its port. */
    async playDashboard(): Promise<number> {
      dashboard ??= await servePage();
      return (dashboard.address() as AddressInfo).port;
    },
    setOnline(count: number) {
      online = count;
    },
    async close() {
      dashboard?.close();
      await game?.close();
    },
  };
}

function interfaceOf({ taskArn }: FakeTask): string {
  return `eni-${taskArn.slice(-17)}`;
}

/** The environment that RunTask's overrides give to the container. */
export function environmentOf({ request }: FakeTask): Record<string, string> {
  const overrides = request.overrides as {
    containerOverrides: { environment: { name: string; value: string }[] }[];
  };
  const pairs = overrides.containerOverrides[0]?.environment ?? [];
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
}

function placeOf(request: Record<string, unknown>): PlaceOfRun {
  const strategy = request.capacityProviderStrategy as { capacityProvider: string }[] | undefined;
  const network = request.networkConfiguration as { awsvpcConfiguration: { subnets: string[] } };
  return {
    capacity: strategy?.[0]?.capacityProvider ?? String(request.launchType),
    subnets: network.awsvpcConfiguration.subnets,
  };
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html */
export function describeInterfaces(
  form: URLSearchParams,
  all: readonly { task: FakeTask; hasAddress: boolean }[],
): string {
  const wanted = [...form].filter(([name]) => name.startsWith('Filter.1.Value.')).map(([, value]) => value);
  const items = all
    .filter(({ task }) => wanted.includes(interfaceOf(task)) && task.stopped === undefined)
    .map(({ task, hasAddress }) => {
      const association = hasAddress ? `<association><publicIp>${task.host}</publicIp></association>` : '';
      return `<item><networkInterfaceId>${interfaceOf(task)}</networkInterfaceId>${association}</item>`;
    });
  return `<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><networkInterfaceSet>${items.join('')}</networkInterfaceSet></DescribeNetworkInterfacesResponse>`;
}
