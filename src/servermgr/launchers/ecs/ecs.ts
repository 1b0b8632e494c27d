import type { ECSClient } from '@aws-sdk/client-ecs';
import { RunTaskCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import { describeStop, type Launcher, type LaunchRequest, NoRoomError, type Session } from '../launcher.ts';
import type { FindAddresses } from './addresses.ts';
import { isLackOfCapacity, lackExplained, placements } from './capacity.ts';
import { launchInput, recoveryInput, TAGS } from './requests.ts';
import { describeTasks, isSettled, listTaskArns, networkInterfaceOf, tagOf, toSession } from './tasks.ts';

export interface EcsSurroundings {
  readonly ecs: ECSClient;
  readonly findAddresses: FindAddresses;
  readonly name: string;
}

const PACE_MS = 2_000;

/**
 * Plays sessions as tasks of ECS, on Fargate. All that is known of one lies in its tags and its state; ECS remembers
 * a stopped task for about an hour.
 */
export function openEcs(settings: EcsSettings, { ecs, findAddresses, name }: EcsSurroundings): Launcher {
  /** Tasks that have stopped do not change any more. */
  const settled = new Map<string, Session>();

  /** Each place in turn, beginning with another one at each attempt; what is wrong with a place is told at the end. */
  async function launch(request: LaunchRequest): Promise<Session> {
    const reasons = new Set<string>();
    const places = placements(settings, request.attempt);
    for (const [index, place] of places.entries()) {
      const token = `${request.press}-${request.attempt}-${index}`;
      const result = await runOne(launchInput(request, { settings, place, token, name }));
      if ('arn' in result) return started(request, result.arn);
      if ('existing' in result) return existing(result.existing);
      reasons.add(result.lack);
    }
    throw new NoRoomError(lackExplained([...reasons]));
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
      // The same press with another moment in its environment: ECS names the task that it has started already.
      if (kind === 'ConflictException' && resourceIds?.length) return { existing: resourceIds };
      if (kind === 'ClientException' && isLackOfCapacity(message)) return { lack: message };
      throw error;
    }
  }

  async function existing(arns: readonly string[]): Promise<Session> {
    const [session] = await describe(arns);
    if (session === undefined) throw new Error('ECS names a task for this press, and does not describe it');
    return session;
  }

  async function describe(arns: readonly string[], signal?: AbortSignal): Promise<Session[]> {
    const tasks = (await describeTasks(ecs, settings.cluster, arns, signal)).filter(
      task => tagOf(task, TAGS.manager) === name && tagOf(task, TAGS.session) !== undefined,
    );
    const interfaces = tasks.map(networkInterfaceOf).filter(id => id !== undefined);
    const addresses = await findAddresses(interfaces, signal);
    return tasks.map(task => {
      const session = toSession(task, { settings, publicIp: addresses.get(networkInterfaceOf(task) ?? '') });
      if (isSettled(task) && task.taskArn !== undefined) settled.set(task.taskArn, session);
      return session;
    });
  }

  return {
    kind: 'ecs',
    paceMs: PACE_MS,
    launch,
    async list(signal) {
      const arns = await listTaskArns(ecs, settings, signal);
      for (const arn of settled.keys()) if (!arns.includes(arn)) settled.delete(arn);
      const known = arns.flatMap(arn => settled.get(arn) ?? []);
      const rest = arns.filter(arn => !settled.has(arn));
      return lastAttempts([...known, ...(await describe(rest, signal))]);
    },
    async stop({ where }, why) {
      try {
        await ecs.send(
          new StopTaskCommand({ cluster: settings.cluster, task: where, reason: describeStop(why) }),
        );
      } catch (error) {
        // It is over, and forgotten.
        if ((error as Error).name !== 'InvalidParameterException') throw error;
      }
    },
    async recover(request) {
      const [place] = placements(settings, 1);
      if (place === undefined) throw new NoRoomError('no subnet is configured');
      const result = await runOne(recoveryInput(request, { settings, place, name }));
      if ('lack' in result) throw new NoRoomError(lackExplained([result.lack]));
    },
    async forget() {
      // ECS forgets by itself.
    },
    close: () => ecs.destroy(),
  };
}

function started({ id, press, visitor, world, attempt }: LaunchRequest, arn: string): Session {
  return {
    ...{ id, press, visitor, world, attempt },
    where: arn,
    state: { phase: 'asked' },
    costPerHour: undefined,
  };
}

/** A launch that was tried again has several tasks: the last one counts. */
function lastAttempts(sessions: readonly Session[]): readonly Session[] {
  const last = new Map<string, Session>();
  for (const session of sessions) {
    const other = last.get(session.id);
    if (other === undefined || other.attempt < session.attempt) last.set(session.id, session);
  }
  return [...last.values()];
}
