import {
  DescribeTasksCommand,
  type DesiredStatus,
  type ECSClient,
  paginateListTasks,
  type Task,
} from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import {
  describeStop,
  type Session,
  type SessionEnded,
  type SessionState,
  STOP_REASONS,
} from '../launcher.ts';
import { isLackOfCapacity } from './capacity.ts';
import { TAGS } from './requests.ts';

/** DescribeTasks takes no more at once. */
const DESCRIBED_AT_ONCE = 100;

/**
 * The tasks of the family, running and stopped. (`startedBy` would have to be the only filter, and so could not be
 * told the stopped ones.)
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
export function familyOf(taskDefinition: string): string {
  return taskDefinition.replace(/^.*task-definition\//, '').replace(/:\d+$/, '');
}

export async function describeTasks(
  client: ECSClient,
  cluster: string,
  arns: readonly string[],
  abortSignal?: AbortSignal,
): Promise<Task[]> {
  const chunks = Array.from({ length: Math.ceil(arns.length / DESCRIBED_AT_ONCE) }, (_, index) =>
    arns.slice(index * DESCRIBED_AT_ONCE, (index + 1) * DESCRIBED_AT_ONCE),
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

/** The task's own network interface, as soon as it has one. */
export function networkInterfaceOf({ attachments = [] }: Task): string | undefined {
  const details = attachments.flatMap(attachment =>
    attachment.type === 'ElasticNetworkInterface' ? (attachment.details ?? []) : [],
  );
  return details.find(({ name }) => name === 'networkInterfaceId')?.value;
}

export function isSettled({ lastStatus }: Task): boolean {
  return lastStatus === 'STOPPED';
}

export interface TaskKnowledge {
  readonly settings: EcsSettings;
  readonly publicIp: string | undefined;
}

export function toSession(task: Task, knowledge: TaskKnowledge): Session {
  const tag = (key: string) => tagOf(task, key) ?? '';
  return {
    id: tag(TAGS.session),
    press: tag(TAGS.press),
    visitor: tag(TAGS.visitor),
    world: tag(TAGS.world),
    attempt: Number(tag(TAGS.attempt)) || 1,
    where: task.taskArn ?? '',
    state: stateOf(task, knowledge),
    costPerHour: costOf(task),
  };
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html */
function stateOf(task: Task, { settings, publicIp }: TaskKnowledge): SessionState {
  const { lastStatus, desiredStatus, startedAt, stoppedReason } = task;
  if (isSettled(task)) return endOf(task, settings);
  if (desiredStatus === 'STOPPED' || /^(?:DEACTIVATING|STOPPING|DEPROVISIONING)$/.test(lastStatus ?? '')) {
    return { phase: 'ending', stopped: stopReason(stoppedReason) };
  }
  if (lastStatus === 'PROVISIONING' || lastStatus === undefined) return { phase: 'asked' };
  // A public address is given to the interface a moment after the interface to the task.
  if (lastStatus !== 'RUNNING' || publicIp === undefined) return { phase: 'provisioned' };
  const address = { host: publicIp, port: settings.gamePort };
  return { phase: 'running', address, pingAddress: address, sinceMs: startedAt?.getTime() };
}

function endOf(task: Task, { container: name }: EcsSettings): SessionEnded {
  const { stoppedAt, stoppedReason, stopCode, startedAt, containers = [] } = task;
  const container = containers.find(each => each.name === name);
  // "Essential container in task exited" says nothing; the container's own reason may, and the report does.
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
