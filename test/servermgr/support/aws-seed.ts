import { launchInput } from '../../../src/servermgr/launchers/ecs/requests.ts';
import { type AwsServer, ecsSettings } from './aws-server.ts';
import { newRequest } from './launch-request.ts';

/** Starts so many tasks of a manager's sessions at once, as no launcher could. @param name the manager's */
export function seedTasks(aws: AwsServer, count: number, name: string): void {
  const settings = ecsSettings();
  const placement = { capacity: 'FARGATE', subnets: settings.subnets } as const;
  for (let index = 0; index < count; index += 1) {
    const request = newRequest();
    aws.tasks.run({ ...launchInput(request, { settings, placement, token: request.idempotencyKey, name }) });
  }
}
