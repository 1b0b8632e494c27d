import type { RunTaskCommandInput, Tag } from '@aws-sdk/client-ecs';
import type { EcsSettings } from '../../../config/servermgr-config.ts';
import { identityKeys, writeIdentity } from '../identity.ts';
import { type LaunchRequest, type RecoverRequest, recoverArguments } from '../launcher.ts';
import type { Placement } from './capacity.ts';
import { type Overrides, overridesFor, sessionOverrides } from './overrides.ts';

export const TAGS = {
  ...identityKeys('craftassist:'),
  manager: 'craftassist:manager',
  recovery: 'craftassist:recovery',
} as const;

interface RunRequest {
  readonly settings: EcsSettings;
  readonly placement: Placement;
  readonly name: string;
  readonly overrides: Overrides;
  readonly tags: Tag[];
  readonly token?: string;
}

/**
 * RunTask's input for one attempt of a launch.
 * @param token RunTask's client token: ECS starts one task for it, however often it is sent.
 */
export function launchInput(
  request: LaunchRequest,
  {
    settings,
    placement,
    token,
    name,
  }: Pick<RunRequest, 'settings' | 'placement' | 'name'> & { token: string },
): RunTaskCommandInput {
  const overrides = sessionOverrides(settings, request.env, request.name);
  const tags = tagsFrom({ [TAGS.manager]: name, ...writeIdentity(request, TAGS) });
  const { image: taskDefinition = settings.taskDefinition } = request;
  return runInput({ settings: { ...settings, taskDefinition }, placement, name, overrides, tags, token });
}

/** RunTask's input for a recovery. A session's role may not read what it has saved, so a recovery has its own. */
export function recoveryInput(
  request: RecoverRequest,
  { settings, placement, name }: Pick<RunRequest, 'settings' | 'placement' | 'name'>,
): RunTaskCommandInput {
  const { container, recoveryRole } = settings;
  const overrides = {
    // The image's entrypoint is the supervisor.
    ...overridesFor(container, request.env, recoverArguments(request)),
    ...(recoveryRole !== undefined && { taskRoleArn: recoveryRole }),
  };
  const tags = tagsFrom({ [TAGS.manager]: name, [TAGS.recovery]: request.name });
  return runInput({ settings, placement, name, overrides, tags });
}

function tagsFrom(values: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

/** FARGATE is requested by launch type, which every cluster has; Spot is a capacity provider of the cluster. */
function runInput({ settings, placement, name, overrides, tags, token }: RunRequest): RunTaskCommandInput {
  const { cluster, taskDefinition, securityGroups } = settings;
  return {
    cluster,
    taskDefinition,
    count: 1,
    startedBy: name,
    ...(token !== undefined && { clientToken: token }),
    ...(placement.capacity === 'FARGATE'
      ? { launchType: 'FARGATE' }
      : { capacityProviderStrategy: [{ capacityProvider: placement.capacity, weight: 1 }] }),
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...placement.subnets],
        securityGroups: [...securityGroups],
        assignPublicIp: 'ENABLED',
      },
    },
    overrides,
    tags,
    propagateTags: 'TASK_DEFINITION',
  };
}
