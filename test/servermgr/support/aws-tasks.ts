import { randomUUID } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { TAGS } from '../../../src/servermgr/launchers/ecs/requests.ts';
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
  /** How many tasks ListTasks gives at once; default: 3, so that paging is tested. AWS gives 100. */
  readonly pageSize?: number;
  /** So long after StopTask a task has stopped: it saves what was recorded. */
  readonly stopMs?: number;
  /** Tasks are described, and sorted into lists, as they were so long ago. */
  readonly staleMs?: number;
  /** Whether lists leave a task out. */
  readonly omits?: (task: FakeTask) => boolean;
  /** Whether a refusal uses its client token up as well. AWS documents it for requests that succeed only. */
  readonly refusalsUseTokens?: boolean;
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
  /** From the moment on at which it was asked to stop; `atMs` is when it has, which may be yet to come. */
  stopped:
    | { askedMs: number; atMs: number; stopCode: string; stoppedReason: string; exitCode: number }
    | undefined;
}

export type TaskStore = ReturnType<typeof newTaskStore>;

const CLUSTER_ARN = 'arn:aws:ecs:us-east-1:123456789012:cluster/craftassist';

export function newTaskStore(plan: TaskPlan) {
  /** By ARN and by interface, in the order of their launches. */
  const tasks = new Map<string, FakeTask>();
  const byInterface = new Map<string, FakeTask>();
  const tokens = new Map<string, { text: string; task: FakeTask | undefined; answer: () => object }>();
  let game: StatusServer | undefined;
  let dashboard: Server | undefined;
  let online = 1;
  let pings = 0;
  const countPing = () => {
    pings += 1;
  };
  const ageMs = (task: FakeTask) => Date.now() - task.createdMs;
  const shownMs = () => Date.now() - (plan.staleMs ?? 0);

  const withAddress = (task: FakeTask) => ({ task, hasAddress: ageMs(task) >= (plan.addressMs ?? 0) });

  function run(request: Record<string, unknown>): object {
    const token = String(request.clientToken ?? randomUUID());
    const text = JSON.stringify(request);
    const known = tokens.get(token);
    if (known !== undefined) {
      if (known.text === text) return known.answer();
      throw {
        type: 'ConflictException',
        message: 'the client token is in use with another request',
        extra: { resourceIds: known.task === undefined ? [] : [known.task.taskArn] },
      };
    }
    const place = placeOf(request);
    const refusal = plan.refuse?.(place);
    if (refusal !== undefined) {
      const refused = () => ({ tasks: [], failures: [{ reason: refusal }] });
      if (plan.refusalsUseTokens) tokens.set(token, { text, task: undefined, answer: refused });
      return refused();
    }
    const task: FakeTask = {
      taskArn: `${CLUSTER_ARN.replace(':cluster/', ':task/')}/${randomUUID().replaceAll('-', '')}`,
      place,
      request,
      createdMs: Date.now(),
      host: hostOf(tasks.size),
      stopped: undefined,
    };
    const answer = () => ({ tasks: [toJson(task)], failures: [] });
    tasks.set(task.taskArn, task);
    byInterface.set(interfaceOf(task), task);
    tokens.set(token, { text, task, answer });
    return answer();
  }

  function list({ desiredStatus, family, nextToken, maxResults }: Record<string, unknown>): object {
    const found = [...tasks.values()].filter(task => {
      settle(task);
      // By the desired status: tasks that are stopping are among the stopped.
      const stopped = isStopping(task, shownMs());
      const isFamily = String(task.request.taskDefinition).replace(/^.*\/|:\d+$/g, '') === family;
      const isListed = ageMs(task) >= (plan.listedMs ?? 0) && !plan.omits?.(task);
      return isFamily && isListed && stopped === (desiredStatus === 'STOPPED');
    });
    const start = Number(nextToken ?? 0);
    const end = start + Math.min(plan.pageSize ?? 3, Number(maxResults ?? 100));
    const page = found.slice(start, end).map(({ taskArn }) => taskArn);
    return { taskArns: page, ...(found.length > end && { nextToken: String(end) }) };
  }

  function describe(body: Record<string, unknown>): object {
    const arns = body.tasks as string[];
    if (arns.length === 0 || arns.length > 100) throw { type: 'InvalidParameterException', message: 'tasks' };
    const failures = arns.filter(arn => !tasks.has(arn)).map(arn => ({ arn, reason: 'MISSING' }));
    return { tasks: arns.flatMap(arn => tasks.get(arn) ?? []).map(toJson), failures };
  }

  function stop(body: Record<string, unknown>): object {
    const task = tasks.get(String(body.task));
    if (task === undefined)
      throw { type: 'InvalidParameterException', message: 'The referenced task was not found.' };
    const { stopMs = 0 } = plan;
    end(task, { stopCode: 'UserInitiated', stoppedReason: String(body.reason), exitCode: 0, stopMs });
    return { task: toJson(task) };
  }

  function end(
    task: FakeTask,
    {
      stopCode = 'EssentialContainerExited',
      stoppedReason = 'Essential container in task exited',
      exitCode = 0,
      stopMs = 0,
    } = {},
  ): void {
    const askedMs = Date.now();
    task.stopped ??= { askedMs, atMs: askedMs + stopMs, stopCode, stoppedReason, exitCode };
  }

  /** Whether a task has died meanwhile. */
  function settle(task: FakeTask): void {
    const death = plan.dies?.(task);
    if (death !== undefined && ageMs(task) >= (plan.interfaceMs ?? 0)) end(task, { ...death, exitCode: 1 });
  }

  function toJson(task: FakeTask): object {
    settle(task);
    const atMs = shownMs();
    const age = atMs - task.createdMs;
    const running = age >= (plan.runningMs ?? 0) && plan.dies?.(task) === undefined;
    const overrides = task.request.overrides as { containerOverrides: { name: string }[] };
    const stopping = isStopping(task, atMs) ? task.stopped : undefined;
    const stopped = hasStopped(task, atMs) ? task.stopped : undefined;
    const hasInterface = age >= (plan.interfaceMs ?? 0);
    const status = running ? 'RUNNING' : hasInterface ? 'PENDING' : 'PROVISIONING';
    return {
      taskArn: task.taskArn,
      clusterArn: CLUSTER_ARN,
      cpu: '1024',
      memory: '4096',
      capacityProviderName: task.place.capacity,
      createdAt: task.createdMs / 1_000,
      ...(running && { startedAt: (task.createdMs + (plan.runningMs ?? 0)) / 1_000 }),
      desiredStatus: stopping === undefined ? 'RUNNING' : 'STOPPED',
      lastStatus: stopped !== undefined ? 'STOPPED' : stopping !== undefined ? 'DEACTIVATING' : status,
      ...(stopping && { stopCode: stopping.stopCode, stoppedReason: stopping.stoppedReason }),
      ...(stopped && { stoppedAt: stopped.atMs / 1_000 }),
      tags: task.request.tags,
      containers: overrides.containerOverrides.map(({ name }) => ({
        name,
        ...(stopped && { exitCode: stopped.exitCode }),
      })),
      attachments:
        hasInterface && stopping === undefined
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
    all: () => Array.from(tasks.values(), withAddress),
    alive: () => [...tasks.values()].filter(task => !hasStopped(task, Date.now())),
    ofInterfaces: (ids: readonly string[]) => ids.flatMap(id => byInterface.get(id) ?? []).map(withAddress),
    /** One game behind every task's address: 127.0.0.2 and on. @param port 0: any @returns its port. */
    async playGame(port = 0): Promise<number> {
      game ??= await serveStatus({ online: () => online, onPing: countPing }, port);
      return game.port;
    },
    /** How often games were asked for their status. */
    pings: () => pings,
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

/** Whether it had been asked to stop by then. */
function isStopping({ stopped }: FakeTask, atMs: number): boolean {
  return stopped !== undefined && stopped.askedMs <= atMs;
}

function hasStopped({ stopped }: FakeTask, atMs: number): boolean {
  return stopped !== undefined && stopped.atMs <= atMs;
}

/** 127.0.0.2 to 127.0.0.251, 127.0.1.2 and so on: all of this machine. */
function hostOf(index: number): string {
  const [net, high] = [Math.floor(index / 250), Math.floor(index / 64_000)];
  return `127.${high}.${net % 256}.${2 + (index % 250)}`;
}

function interfaceOf({ taskArn }: FakeTask): string {
  return `eni-${taskArn.slice(-17)}`;
}

/** The id of the session that a task was started for. */
export function sessionOf(task: FakeTask): string | undefined {
  return tagOf(task, TAGS.id);
}

export function tagOf({ request }: FakeTask, name: string): string | undefined {
  const tags = request.tags as { key: string; value: string }[] | undefined;
  return tags?.find(({ key }) => key === name)?.value;
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
export function describeInterfaces(form: URLSearchParams, tasks: TaskStore): string {
  const wanted = [...form].filter(([name]) => name.startsWith('Filter.1.Value.')).map(([, value]) => value);
  const items = tasks
    .ofInterfaces(wanted)
    .filter(({ task }) => task.stopped === undefined)
    .map(({ task, hasAddress }) => {
      const association = hasAddress ? `<association><publicIp>${task.host}</publicIp></association>` : '';
      return `<item><networkInterfaceId>${interfaceOf(task)}</networkInterfaceId>${association}</item>`;
    });
  return `<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><networkInterfaceSet>${items.join('')}</networkInterfaceSet></DescribeNetworkInterfacesResponse>`;
}
