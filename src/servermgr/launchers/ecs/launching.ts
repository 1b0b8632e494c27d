import { type ECSClient, RunTaskCommand } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import {
  type LaunchRequest,
  NoCapacityError,
  type RecoverRequest,
  requestedSession,
  type Session,
} from '../launcher.ts';
import { describeLack, isLackOfCapacity, placements } from './capacity.ts';
import type { Pace } from './pacing.ts';
import { launchInput, recoveryInput } from './requests.ts';

export interface LaunchingOptions {
  readonly ecs: ECSClient;
  readonly pace: Pace;
  readonly name: string;
  /** The session of a task that ECS names; undefined: it does not describe it yet. */
  readonly sessionOf: (arn: string) => Promise<Session | undefined>;
}

type Outcome =
  | { readonly kind: 'started'; readonly arn: string }
  /** The token's task was started by another request: with another TIMESTAMP. */
  | { readonly kind: 'existing'; readonly arn: string }
  | { readonly kind: 'lack'; readonly reason: string };

/** Starts tasks: of sessions and of recoveries. */
export function createLaunching(settings: EcsSettings, { ecs, pace, name, sessionOf }: LaunchingOptions) {
  async function run(input: RunTaskCommand['input']): Promise<Outcome> {
    try {
      const { tasks = [], failures = [] } = await ecs.send(pace('RunTask', new RunTaskCommand(input)));
      const [task] = tasks;
      if (task?.taskArn !== undefined) return { kind: 'started', arn: task.taskArn };
      const reason = failures.map(failure => failure.reason ?? failure.detail ?? '').join(', ');
      if (isLackOfCapacity(reason)) return { kind: 'lack', reason };
      throw new Error(`ECS did not run the task: ${reason || 'it gave no reason'}`);
    } catch (error) {
      const { name: kind, message, resourceIds } = error as Error & { resourceIds?: readonly string[] };
      const [arn] = resourceIds ?? [];
      if (kind === 'ConflictException' && arn !== undefined) return { kind: 'existing', arn };
      if (kind === 'ClientException' && isLackOfCapacity(message)) return { kind: 'lack', reason: message };
      throw error;
    }
  }

  /** Tries one placement after the other, beginning with another one at each attempt. */
  async function launch(request: LaunchRequest): Promise<Session> {
    const reasons = new Set<string>();
    for (const [index, placement] of placements(settings, request.attempt).entries()) {
      const token = `${request.idempotencyKey}-${request.attempt}-${index}`;
      const outcome = await run(launchInput(request, { settings, placement, token, name }));
      if (outcome.kind === 'started') return requestedSession(request, outcome.arn);
      if (outcome.kind === 'existing') return existing(outcome.arn);
      reasons.add(outcome.reason);
    }
    throw new NoCapacityError(describeLack([...reasons]));
  }

  async function existing(arn: string): Promise<Session> {
    const session = await sessionOf(arn);
    if (session === undefined) throw new Error('ECS names a task for this request, and does not describe it');
    return session;
  }

  return {
    launch,
    async recover(request: RecoverRequest): Promise<void> {
      const [placement] = placements(settings, 1);
      if (placement === undefined) throw new NoCapacityError('no subnet is configured');
      const outcome = await run(recoveryInput(request, { settings, placement, name }));
      if (outcome.kind === 'lack') throw new NoCapacityError(describeLack([outcome.reason]));
    },
  };
}
