import type { RunTaskCommandInput, Tag } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import { type LaunchRequest, type RecoverRequest, recoverArguments } from '../launcher.ts';
import type { Placement } from './capacity.ts';
import { type Overrides, overridesFor } from './overrides.ts';

/** What a task is known by. */
export const TAGS = {
  manager: 'craftassist:manager',
  session: 'craftassist:session',
  press: 'craftassist:press',
  visitor: 'craftassist:visitor',
  world: 'craftassist:world',
  attempt: 'craftassist:attempt',
  recovery: 'craftassist:recovery',
} as const;

interface RunRequest {
  readonly settings: EcsSettings;
  readonly place: Placement;
  readonly name: string;
  readonly overrides: Overrides;
  readonly tags: Tag[];
  readonly token?: string;
}

export function launchInput(
  request: LaunchRequest,
  { settings, place, token, name }: Pick<RunRequest, 'settings' | 'place' | 'name'> & { token: string },
): RunTaskCommandInput {
  const { id, press, visitor, world, attempt, env } = request;
  const overrides = overridesFor(settings.container, { ...env, TIMESTAMP: request.name });
  const values = { manager: name, session: id, press, visitor, world, attempt: String(attempt) };
  const tags = Object.entries(values).map(([key, value]) => ({
    key: TAGS[key as keyof typeof values],
    value,
  }));
  return runInput({ settings, place, name, overrides, tags, token });
}

/** A session's role may not read what it has saved: a recovery has another one. */
export function recoveryInput(
  request: RecoverRequest,
  { settings, place, name }: Pick<RunRequest, 'settings' | 'place' | 'name'>,
): RunTaskCommandInput {
  const { container, recoveryRole } = settings;
  const overrides = {
    // The image's entrypoint is the supervisor.
    ...overridesFor(container, {}, recoverArguments(request)),
    ...(recoveryRole !== undefined && { taskRoleArn: recoveryRole }),
  };
  const tags = [
    { key: TAGS.manager, value: name },
    { key: TAGS.recovery, value: request.name },
  ];
  return runInput({ settings, place, name, overrides, tags });
}

/** FARGATE goes by its launch type, which every cluster knows; Spot is a capacity provider of the cluster's. */
function runInput({ settings, place, name, overrides, tags, token }: RunRequest): RunTaskCommandInput {
  const { cluster, taskDefinition, securityGroups } = settings;
  return {
    cluster,
    taskDefinition,
    count: 1,
    startedBy: name,
    ...(token !== undefined && { clientToken: token }),
    ...(place.capacity === 'FARGATE'
      ? { launchType: 'FARGATE' }
      : { capacityProviderStrategy: [{ capacityProvider: place.capacity, weight: 1 }] }),
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...place.subnets],
        securityGroups: [...securityGroups],
        assignPublicIp: 'ENABLED',
      },
    },
    overrides,
    tags,
    propagateTags: 'TASK_DEFINITION',
  };
}
