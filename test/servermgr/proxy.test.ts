import { DescribeNetworkInterfacesCommand } from '@aws-sdk/client-ec2';
import { ListTasksCommand } from '@aws-sdk/client-ecs';
import { expect, test, vi } from 'vitest';
import { createClients } from '../../src/servermgr/launchers/ecs/clients.ts';
import { startProxy } from '../support/proxy.ts';
import { startAwsServer } from './support/aws-server.ts';

test('ECS and EC2 are asked through the proxy', async () => {
  await using aws = await startAwsServer();
  await using proxy = await startProxy({ to: { port: Number(new URL(aws.url).port) } });
  const variables = {
    AWS_ENDPOINT_URL_ECS: 'http://ecs.test',
    AWS_ENDPOINT_URL_EC2: 'http://ec2.test',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'sessions',
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const { ecs, ec2 } = createClients({ http: proxy.url, https: undefined, except: [] });
  await ecs.send(new ListTasksCommand({ cluster: 'c' }));
  await ec2.send(new DescribeNetworkInterfacesCommand({}));
  ecs.destroy();
  ec2.destroy();
  expect(proxy.requests).toEqual(['POST http://ecs.test/', 'POST http://ec2.test/']);
});
