import type { ECSClient } from '@aws-sdk/client-ecs';
import { RunTaskCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import {
  describeStop,
  type Launcher,
  type LaunchRequest,
  NoCapacityError,
  requestedSession,
  type Session,
} from '../launcher.ts';
import type { FindAddresses } from './addresses.ts';
import { describeLack, isLackOfCapacity, placements } from './capacity.ts';
import { launchInput, recoveryInput, TAGS } from './requests.ts';
import { describeTasks, isStopped, listTaskArns, networkInterfaceOf, tagOf, toSession } from './tasks.ts';

export interface EcsOptions {
  readonly ecs: ECSClient;
  readonly findAddresses: FindAddresses;
  readonly name: string;
}

const POLL_INTERVAL_MS = 2_000;

/**
 * Runs sessions as tasks of ECS, on Fargate. The state of one is in its tags and its status; ECS lists a stopped task
 * for about an hour.
 */
export function openEcs(settings: EcsSettings, { ecs, findAddresses, name }: EcsOptions): Launcher {
  /** By ARN: a task that has stopped does not change any more. */
  const stoppedTasks = new Map<string, Session>();

  /** Tries one placement after the other, beginning with another one at each attempt. */
  async function launch(request: LaunchRequest): Promise<Session> {
    const reasons = new Set<string>();
    const all = placements(settings, request.attempt);
    for (const [index, placement] of all.entries()) {
      const token = `${request.idempotencyKey}-${request.attempt}-${index}`;
      const result = await runOne(launchInput(request, { settings, placement, token, name }));
      if ('arn' in result) return requestedSession(request, result.arn);
      if ('existing' in result) return existing(result.existing);
      reasons.add(result.lack);
    }
    throw new NoCapacityError(describeLack([...reasons]));
  }

  async function runOne(
    input: RunTaskCommand['input'],
  ): Promise<{ arn: string } | { existing: readonly string[] } | { lack: string }> {
    try {
      const { tasks = [], failures = [] } = await ecs.send(new RunTaskCommand(input));
      const arn = tasks[0]?.taskArn;
      if (arn !== undefined) return { arn };
      const reason = failures.map(failure => failure.reason ?? failure.detail ?? '').join(', ');
      if (isLackOfCapacity(reason)) return { lack: reason };
      throw new Error(`ECS did not run the task: ${reason || 'it gave no reason'}`);
    } catch (error) {
      const { name: kind, message, resourceIds } = error as Error & { resourceIds?: readonly string[] };
      // The same token with another environment (TIMESTAMP differs): ECS names the task that it has started for it.
      if (kind === 'ConflictException' && resourceIds?.length) return { existing: resourceIds };
      if (kind === 'ClientException' && isLackOfCapacity(message)) return { lack: message };
      throw error;
    }
  }

  async function existing(arns: readonly string[]): Promise<Session> {
    const [session] = await describe(arns);
    if (session === undefined) throw new Error('ECS names a task for this request, and does not describe it');
    return session;
  }

  async function describe(arns: readonly string[], signal?: AbortSignal): Promise<Session[]> {
    const tasks = (await describeTasks(ecs, settings.cluster, arns, signal)).filter(
      task => tagOf(task, TAGS.manager) === name && tagOf(task, TAGS.id) !== undefined,
    );
    const interfaces = tasks.map(networkInterfaceOf).filter(id => id !== undefined);
    const addresses = await findAddresses(interfaces, signal);
    return tasks.map(task => {
      const session = toSession(task, { settings, publicIp: addresses.get(networkInterfaceOf(task) ?? '') });
      if (isStopped(task) && task.taskArn !== undefined) stoppedTasks.set(task.taskArn, session);
      return session;
    });
  }

  return {
    kind: 'ecs',
    pollIntervalMs: () => POLL_INTERVAL_MS,
    launch,
    async list(signal) {
      const arns = await listTaskArns(ecs, settings, signal);
      for (const arn of stoppedTasks.keys()) if (!arns.includes(arn)) stoppedTasks.delete(arn);
      const known = arns.flatMap(arn => stoppedTasks.get(arn) ?? []);
      const rest = arns.filter(arn => !stoppedTasks.has(arn));
      return lastAttempts([...known, ...(await describe(rest, signal))]);
    },
    look: (sessions, signal) =>
      describe(
        sessions.map(({ where }) => where),
        signal,
      ),
    async stop({ where }, why) {
      try {
        await ecs.send(
          new StopTaskCommand({ cluster: settings.cluster, task: where, reason: describeStop(why) }),
        );
      } catch (error) {
        // It has stopped, and ECS does not list it any more.
        if ((error as Error).name !== 'InvalidParameterException') throw error;
      }
    },
    async recover(request) {
      const [placement] = placements(settings, 1);
      if (placement === undefined) throw new NoCapacityError('no subnet is configured');
      const result = await runOne(recoveryInput(request, { settings, placement, name }));
      if ('lack' in result) throw new NoCapacityError(describeLack([result.lack]));
    },
    async remove() {
      // ECS removes stopped tasks by itself.
    },
    close: () => ecs.destroy(),
  };
}

/** A launch that was repeated has several tasks: the last one counts. */
function lastAttempts(sessions: readonly Session[]): readonly Session[] {
  const last = new Map<string, Session>();
  for (const session of sessions) {
    const other = last.get(session.id);
    if (other === undefined || other.attempt < session.attempt) last.set(session.id, session);
  }
  return [...last.values()];
}
