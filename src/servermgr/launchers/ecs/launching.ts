import { type ECSClient, RunTaskCommand, type Task } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import { isBug } from '../../../runtime/bug.ts';
import { errorText } from '../../../runtime/text.ts';
import {
  type LaunchRequest,
  NoCapacityError,
  type RecoverRequest,
  requestedSession,
  type Session,
  UncertainLaunchError,
} from '../launcher.ts';
import { describeLack, isLackOfCapacity, placements } from './capacity.ts';
import { isThrottled, type Pace } from './pacing.ts';
import { launchInput, recoveryInput } from './requests.ts';
import { costOf } from './tasks.ts';

export interface LaunchingOptions {
  readonly ecs: ECSClient;
  readonly pace: Pace;
  readonly name: string;
  /** The session of a task that ECS names; undefined: it does not describe it yet. */
  readonly sessionOf: (arn: string) => Promise<Session | undefined>;
}

type Outcome =
  | { readonly kind: 'started'; readonly task: Task; readonly arn: string }
  /** The token's task was started by another request: with another TIMESTAMP, or in another place. */
  | { readonly kind: 'existing'; readonly arn: string }
  /** The token is in use, and there is no task of it. */
  | { readonly kind: 'used' }
  | { readonly kind: 'lack'; readonly reason: string };

/** Starts tasks: of sessions and of recoveries. */
export function createLaunching(settings: EcsSettings, { ecs, pace, name, sessionOf }: LaunchingOptions) {
  async function run(input: RunTaskCommand['input']): Promise<Outcome> {
    try {
      const { tasks = [], failures = [] } = await ecs.send(pace('RunTask', new RunTaskCommand(input)));
      const [task] = tasks;
      if (task?.taskArn !== undefined) return { kind: 'started', task, arn: task.taskArn };
      const reason = failures.map(failure => failure.reason ?? failure.detail ?? '').join(', ');
      if (isLackOfCapacity(reason)) return { kind: 'lack', reason };
      throw new RefusedError(`ECS did not run the task: ${reason || 'it gave no reason'}`);
    } catch (error) {
      const { name: kind, message, resourceIds } = error as Error & { resourceIds?: readonly string[] };
      const [arn] = resourceIds ?? [];
      if (kind === 'ConflictException')
        return arn === undefined ? { kind: 'used' } : { kind: 'existing', arn };
      if (kind === 'ClientException' && isLackOfCapacity(message)) return { kind: 'lack', reason: message };
      throw error;
    }
  }

  /**
   * Tries one placement after the other. All have the attempt's one token, so that ECS starts one task for it however
   * often this is repeated, and by whichever instance: a repeat may find capacity in a place before the one whose
   * answer was lost. ECS keeps a token for a request that has succeeded.
   */
  async function start(request: LaunchRequest): Promise<Session> {
    const reasons = new Set<string>();
    const token = `${request.idempotencyKey}-${request.attempt}`;
    for (const [index, placement] of placements(settings, request.attempt).entries()) {
      const tryWith = (clientToken: string) =>
        run(launchInput(request, { settings, placement, token: clientToken, name }));
      let outcome = await tryWith(token);
      // Should ECS keep a token for a refusal as well, a repeat gets that refusal again: each place has a token then.
      if (outcome.kind === 'used' && reasons.size > 0) outcome = await tryWith(`${token}-${index}`);
      if (outcome.kind === 'used') throw new Error('another request of this session is under way');
      if (outcome.kind === 'started')
        return { ...requestedSession(request, outcome.arn), costPerHour: costOf(outcome.task) };
      if (outcome.kind === 'existing') return existing(outcome.arn);
      reasons.add(outcome.reason);
    }
    throw new NoCapacityError(describeLack([...reasons]));
  }

  async function existing(arn: string): Promise<Session> {
    const session = await sessionOf(arn);
    if (session === undefined) throw new Error(`ECS names ${arn} for this request, and does not describe it`);
    return session;
  }

  return {
    async launch(request: LaunchRequest): Promise<Session> {
      try {
        return await start(request);
      } catch (error) {
        if (isDefinite(error)) throw error;
        throw new UncertainLaunchError(`it may have been started: ${errorText(error)}`, { cause: error });
      }
    },
    async recover(request: RecoverRequest): Promise<void> {
      const [placement] = placements(settings, 1);
      if (placement === undefined) throw new NoCapacityError('no subnet is configured');
      const outcome = await run(recoveryInput(request, { settings, placement, name }));
      if (outcome.kind === 'lack') throw new NoCapacityError(describeLack([outcome.reason]));
    },
  };
}

/** ECS has answered, and has started nothing. */
class RefusedError extends Error {}

/** Whether nothing can have been started. */
function isDefinite(error: unknown): boolean {
  if (error instanceof NoCapacityError || error instanceof RefusedError || isBug(error)) return true;
  const { name, $metadata: { httpStatusCode: status = 0, attempts = 1 } = {} } = error as Error & {
    $metadata?: { httpStatusCode?: number; attempts?: number };
  };
  // Nothing is sent without credentials.
  if (name === 'CredentialsProviderError') return true;
  // What a second attempt is refused for says nothing of the first.
  return status >= 400 && status < 500 && attempts === 1 && !isThrottled(error);
}
