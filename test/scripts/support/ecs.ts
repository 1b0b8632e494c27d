import { AwsFault, type AwsService, serveAws } from './aws-json.ts';

type Json = Record<string, unknown>;

/** ECS as far as registering sees it; what it adds by itself is added here too. */
export async function openEcs(): Promise<AwsService & { revisions: Json[] }> {
  const revisions: Json[] = [];
  const service = await serveAws({
    DescribeTaskDefinition({ taskDefinition }) {
      const latest = revisions.findLast(({ family }) => family === taskDefinition);
      if (latest === undefined) throw new AwsFault('ClientException', 'Unable to describe task definition.');
      return { taskDefinition: latest };
    },
    RegisterTaskDefinition(input) {
      const revision = revisions.length + 1;
      const registered = {
        ...input,
        revision,
        status: 'ACTIVE',
        taskDefinitionArn: `arn:aws:ecs:us-west-1:123456789012:task-definition/${input.family}:${revision}`,
        volumes: [],
        placementConstraints: [],
        compatibilities: ['EC2', 'FARGATE'],
        requiresAttributes: [{ name: 'ecs.capability.task-eni' }],
        registeredAt: 1_795_000_000,
        containerDefinitions: (input.containerDefinitions as Json[]).map(container => ({
          cpu: 0,
          mountPoints: [],
          volumesFrom: [],
          ...container,
          // In another order than it was asked for.
          environment: [...((container.environment ?? []) as Json[])].reverse(),
        })),
      };
      revisions.push(registered);
      return { taskDefinition: registered };
    },
  });
  return Object.assign(service, { revisions });
}
