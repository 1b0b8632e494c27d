import {
  DescribeTasksCommand,
  type DesiredStatus,
  type ECSClient,
  ListTasksCommand,
  type Task,
} from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import type { Pace } from './pacing.ts';
import type { TakeOptions } from './rate.ts';

/** How ECS is asked for tasks. */
export interface TaskReader {
  /** ARNs of the tasks of the task definition's family, running and stopped. */
  list(options: TakeOptions): Promise<ReadonlySet<string>>;
  /** The tasks of these ARNs, without those that ECS does not know, or not yet. */
  describe(arns: readonly string[], options?: TakeOptions): Promise<Task[]>;
}

/** ListTasks gives no more, and DescribeTasks takes no more. */
const PAGE_SIZE = 100;

const LEAST_INTERVAL_MS = 2_000;
const MOST_INTERVAL_MS = 10_000;
/** Listing takes about two requests a second, of the ten that there are for listing and looking. */
const MS_PER_REQUEST = 475;

/** How often so many sessions may be listed. */
export function pollIntervalMs(sessions: number): number {
  const requests = 2 * Math.ceil(sessions / PAGE_SIZE) + 1;
  return Math.min(MOST_INTERVAL_MS, Math.max(LEAST_INTERVAL_MS, requests * MS_PER_REQUEST));
}

export function createTaskReader(
  client: ECSClient,
  pace: Pace,
  { cluster, taskDefinition }: EcsSettings,
): TaskReader {
  const family = familyOf(taskDefinition);

  async function listed(desiredStatus: DesiredStatus, options: TakeOptions): Promise<string[]> {
    const arns: string[] = [];
    let nextToken: string | undefined;
    do {
      // Not by `startedBy`: it would have to be the only filter, and tasks that have stopped could not be asked for.
      const input = { cluster, family, desiredStatus, maxResults: PAGE_SIZE, nextToken };
      const command = pace('ListTasks', new ListTasksCommand(input), options);
      const page = await client.send(command, sendOptions(options));
      arns.push(...(page.taskArns ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return arns;
  }

  async function describePage(tasks: string[], options: TakeOptions): Promise<Task[]> {
    const command = new DescribeTasksCommand({ cluster, tasks, include: ['TAGS'] });
    return (await client.send(pace('DescribeTasks', command, options), sendOptions(options))).tasks ?? [];
  }

  return {
    async list(options) {
      const [running, stopped] = await Promise.all([listed('RUNNING', options), listed('STOPPED', options)]);
      return new Set([...running, ...stopped]);
    },
    async describe(arns, options = {}) {
      const pages = Array.from({ length: Math.ceil(arns.length / PAGE_SIZE) }, (_, index) =>
        arns.slice(index * PAGE_SIZE, (index + 1) * PAGE_SIZE),
      );
      return (await Promise.all(pages.map(page => describePage(page, options)))).flat();
    },
  };
}

function sendOptions({ signal }: TakeOptions): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** `craftassist`, out of `craftassist:12` or `arn:aws:ecs:…:task-definition/craftassist:12`. */
function familyOf(taskDefinition: string): string {
  return taskDefinition.replace(/^.*task-definition\//, '').replace(/:\d+$/, '');
}
