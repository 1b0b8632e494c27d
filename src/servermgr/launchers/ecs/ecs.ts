import { type ECSClient, StopTaskCommand } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import { timeoutSignal } from '../../../runtime/abort.ts';
import { describeStop, type Launcher, type Session } from '../launcher.ts';
import type { AddressOptions, FindAddresses } from './addresses.ts';
import { createKnownTasks, lastAttempts } from './known-tasks.ts';
import { createLaunching } from './launching.ts';
import { createPace } from './pacing.ts';
import { createTaskReader, familiesOf, pollIntervalMs } from './reading.ts';
import { networkInterfaceOf, toSession } from './tasks.ts';

export interface EcsOptions {
  readonly ecs: ECSClient;
  readonly findAddresses: FindAddresses;
  readonly name: string;
  /** The task definitions that sessions may be launched with, beside the settings' own. */
  readonly images?: readonly string[];
}

/** How long a task that a stop needs is looked for. */
const LIST_MS = 30_000;

/**
 * Runs sessions as tasks of ECS, on Fargate. The state of one is in its tags and its status; ECS lists a stopped task
 * for about an hour.
 */
export function openEcs(
  settings: EcsSettings,
  { ecs, findAddresses, name, images = [] }: EcsOptions,
): Launcher {
  const { cluster, taskDefinition } = settings;
  const families = familiesOf([taskDefinition, ...images]);
  const pace = createPace();
  const reader = createTaskReader(ecs, pace, { cluster, families });
  const known = createKnownTasks(name);
  const { launch, recover } = createLaunching(settings, { ecs, pace, name, sessionOf });
  const intervalMs = (sessions: number) => pollIntervalMs(sessions, families.length);
  let listedMs = Number.NEGATIVE_INFINITY;
  let listing: Promise<unknown> | undefined;

  /** The sessions of these tasks; of those that do not change any more, as they were. */
  async function describe(arns: readonly string[], { all, ...options }: AddressOptions): Promise<Session[]> {
    const ended = arns.filter(known.isSettled).flatMap(arn => known.sessionOf(arn) ?? []);
    const rest = arns.filter(arn => !known.isSettled(arn));
    const tasks = (await reader.describe(rest, options)).filter(known.isSession);
    const interfaces = tasks.map(networkInterfaceOf).filter(id => id !== undefined);
    const addresses = await findAddresses(interfaces, { all, ...options });
    const sessions = tasks.map(task =>
      toSession(task, { settings, publicIp: addresses.get(networkInterfaceOf(task) ?? '') }),
    );
    for (const session of sessions) known.set(session);
    return [...ended, ...sessions];
  }

  async function sessionOf(arn: string): Promise<Session | undefined> {
    const [session] = await describe([arn], { urgent: true });
    return session;
  }

  async function list(signal: AbortSignal): Promise<readonly Session[]> {
    const startMs = performance.now();
    const arns = await reader.list({ signal });
    const sessions = await describe([...arns], { signal, all: true });
    known.keepOnly(arns);
    listedMs = startMs;
    return lastAttempts(sessions);
  }

  /** Lists, unless that was done lately or is being done. */
  async function listIfOld(): Promise<void> {
    if (performance.now() - listedMs < intervalMs(known.size()) * 1.5) return;
    listing ??= list(timeoutSignal(LIST_MS)).finally(() => {
      listing = undefined;
    });
    await listing;
  }

  /** The task of a session whose launch has told of none; undefined: ECS lists none, or not yet. */
  async function findTask({ id }: Session): Promise<string | undefined> {
    if (known.taskOf(id) === undefined) await listIfOld();
    return known.taskOf(id);
  }

  return {
    kind: 'ecs',
    pollIntervalMs: intervalMs,
    launch,
    list,
    look: (sessions, signal) =>
      describe([...new Set(sessions.map(({ where }) => where).filter(Boolean))], { signal, urgent: true }),
    // ECS itself kills what has not ended within the task definition's stop timeout.
    async stop(session, why) {
      const task = session.where || (await findTask(session));
      // Without a task it is not listed yet: whoever stops it comes again.
      if (task === undefined || known.isStopping(task)) return;
      const command = new StopTaskCommand({ cluster, task, reason: describeStop(why) });
      try {
        await ecs.send(pace('StopTask', command));
        known.stopRequested(task);
      } catch (error) {
        // It has stopped, and ECS does not list it any more.
        if ((error as Error).name !== 'InvalidParameterException') throw error;
      }
    },
    recover,
    // Tasks that are no sessions are described once, to save requests: what they do is at the destination.
    recovery: async () => undefined,
    async remove() {
      // ECS removes stopped tasks by itself.
    },
    close: () => ecs.destroy(),
  };
}
