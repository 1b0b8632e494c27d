import {
  DescribeTasksCommand,
  type DesiredStatus,
  type ECSClient,
  paginateListTasks,
  type Task,
} from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import { readIdentity } from '../identity.ts';
import {
  dashboardAt,
  describeStop,
  type Session,
  type SessionEnded,
  type SessionState,
  STOP_REASONS,
} from '../launcher.ts';
import { isLackOfCapacity } from './capacity.ts';
import { TAGS } from './requests.ts';

/** DescribeTasks takes no more: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html */
const MAX_DESCRIBED = 100;

/**
 * ARNs of the tasks of the task definition's family, running and stopped. (ListTasks takes `startedBy` only as its
 * only filter, so that it could not be asked for stopped tasks.)
 */
export async function listTaskArns(
  client: ECSClient,
  { cluster, taskDefinition }: EcsSettings,
  abortSignal: AbortSignal,
): Promise<string[]> {
  const family = familyOf(taskDefinition);
  const list = async (desiredStatus: DesiredStatus) => {
    const arns: string[] = [];
    const pages = paginateListTasks({ client }, { cluster, family, desiredStatus }, { abortSignal });
    for await (const { taskArns = [] } of pages) arns.push(...taskArns);
    return arns;
  };
  const [running, stopped] = await Promise.all([list('RUNNING'), list('STOPPED')]);
  return [...new Set([...running, ...stopped])];
}

/** `craftassist`, out of `craftassist:12` or `arn:aws:ecs:…:task-definition/craftassist:12`. */
function familyOf(taskDefinition: string): string {
  return taskDefinition.replace(/^.*task-definition\//, '').replace(/:\d+$/, '');
}

export async function describeTasks(
  client: ECSClient,
  cluster: string,
  arns: readonly string[],
  abortSignal?: AbortSignal,
): Promise<Task[]> {
  const chunks = Array.from({ length: Math.ceil(arns.length / MAX_DESCRIBED) }, (_, index) =>
    arns.slice(index * MAX_DESCRIBED, (index + 1) * MAX_DESCRIBED),
  );
  const answers = await Promise.all(
    chunks.map(tasks =>
      client.send(
        new DescribeTasksCommand({ cluster, tasks, include: ['TAGS'] }),
        abortSignal && { abortSignal },
      ),
    ),
  );
  return answers.flatMap(({ tasks = [] }) => tasks);
}

export function tagOf({ tags = [] }: Task, key: string): string | undefined {
  return tags.find(tag => tag.key === key)?.value;
}

/** The ID of the task's network interface; undefined: it has none yet. */
export function networkInterfaceOf({ attachments = [] }: Task): string | undefined {
  const details = attachments.flatMap(attachment =>
    attachment.type === 'ElasticNetworkInterface' ? (attachment.details ?? []) : [],
  );
  return details.find(({ name }) => name === 'networkInterfaceId')?.value;
}

export function isStopped({ lastStatus }: Task): boolean {
  return lastStatus === 'STOPPED';
}

export interface TaskFacts {
  readonly settings: EcsSettings;
  readonly publicIp: string | undefined;
}

export function toSession(task: Task, facts: TaskFacts): Session {
  return {
    ...readIdentity(key => tagOf(task, key), TAGS),
    where: task.taskArn ?? '',
    state: stateOf(task, facts),
    costPerHour: costOf(task),
  };
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html */
function stateOf(task: Task, { settings, publicIp }: TaskFacts): SessionState {
  const { lastStatus, desiredStatus, startedAt, stoppedReason } = task;
  if (isStopped(task)) return endOf(task, settings);
  if (desiredStatus === 'STOPPED' || /^(?:DEACTIVATING|STOPPING|DEPROVISIONING)$/.test(lastStatus ?? '')) {
    return { phase: 'ending', stopped: stopReason(stoppedReason) };
  }
  if (lastStatus === 'PROVISIONING' || lastStatus === undefined) return { phase: 'requested' };
  // The interface gets its public address a moment after the task gets the interface.
  if (lastStatus !== 'RUNNING' || publicIp === undefined) return { phase: 'provisioned' };
  const { gamePort, dashboardPort } = settings;
  const address = { host: publicIp, port: gamePort };
  return {
    phase: 'running',
    address,
    pingAddress: address,
    dashboard: dashboardAt(dashboardPort, publicIp),
    sinceMs: startedAt?.getTime(),
  };
}

function endOf(task: Task, { container: name }: EcsSettings): SessionEnded {
  const { stoppedAt, stoppedReason, stopCode, startedAt, containers = [] } = task;
  const container = containers.find(each => each.name === name);
  // "Essential container in task exited" says nothing; the container's own reason may.
  const reason = stopCode === 'EssentialContainerExited' ? undefined : stoppedReason;
  return {
    phase: 'ended',
    atMs: stoppedAt?.getTime(),
    why: [reason, container?.reason].filter(Boolean).join(': ') || undefined,
    exitCode: container?.exitCode,
    stopped: stopReason(stoppedReason),
    lackedCapacity: startedAt === undefined && isLackOfCapacity(stoppedReason ?? ''),
  };
}

/** StopTask's reason comes back as the stopped reason. */
function stopReason(text: string | undefined) {
  return STOP_REASONS.find(reason => describeStop(reason) === text);
}

// Fargate on Linux and x86 in us-east-1, in US dollars an hour: https://aws.amazon.com/fargate/pricing/
const CPU_PRICE = 0.040_48;
const GB_PRICE = 0.004_445;
/** Spot's price moves; it is about this part of the other. */
const SPOT_SHARE = 0.3;

function costOf({ cpu, memory, capacityProviderName }: Task): number | undefined {
  if (cpu === undefined || memory === undefined) return undefined;
  const full = (Number(cpu) / 1_024) * CPU_PRICE + (Number(memory) / 1_024) * GB_PRICE;
  return capacityProviderName === 'FARGATE_SPOT' ? full * SPOT_SHARE : full;
}
