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
  /** ARNs of the tasks of the families, running and stopped. */
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

/** How often so many sessions may be listed, of so many families. */
export function pollIntervalMs(sessions: number, families: number): number {
  const requests = 2 * Math.ceil(sessions / PAGE_SIZE) + 2 * families - 1;
  return Math.min(MOST_INTERVAL_MS, Math.max(LEAST_INTERVAL_MS, requests * MS_PER_REQUEST));
}

/** @param families of the task definitions whose tasks are listed */
export function createTaskReader(
  client: ECSClient,
  pace: Pace,
  { cluster, families }: Pick<EcsSettings, 'cluster'> & { readonly families: readonly string[] },
): TaskReader {
  async function listed(
    family: string,
    desiredStatus: DesiredStatus,
    options: TakeOptions,
  ): Promise<string[]> {
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
      const lists = families.flatMap(family => [
        listed(family, 'RUNNING', options),
        listed(family, 'STOPPED', options),
      ]);
      return new Set((await Promise.all(lists)).flat());
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

/** Of task definitions, each once: `craftassist`, out of `craftassist:12` or `arn:aws:ecs:…:task-definition/craftassist:12`. */
export function familiesOf(taskDefinitions: readonly string[]): readonly string[] {
  return [...new Set(taskDefinitions.map(familyOf))];
}

function familyOf(taskDefinition: string): string {
  return taskDefinition.replace(/^.*task-definition\//, '').replace(/:\d+$/, '');
}
