import type { Task } from '@aws-sdk/client-ecs';
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

/** US dollars an hour; undefined: the task does not tell its size. */
export function costOf({ cpu, memory, capacityProviderName }: Task): number | undefined {
  if (cpu === undefined || memory === undefined) return undefined;
  const full = (Number(cpu) / 1_024) * CPU_PRICE + (Number(memory) / 1_024) * GB_PRICE;
  return capacityProviderName === 'FARGATE_SPOT' ? full * SPOT_SHARE : full;
}
