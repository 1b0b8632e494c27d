import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { type ProxyConfig, proxiedAgents } from '../../../runtime/proxy.ts';

/** RunTask and DescribeTasks are throttled per account: the SDK repeats so often, with growing pauses. */
const MAX_ATTEMPTS = 6;

/** Clients of the region and the credentials that AWS's own variables, profile or role name. */
export function createClients(proxy: ProxyConfig | undefined): {
  readonly ecs: ECSClient;
  readonly ec2: EC2Client;
} {
  const settings = { maxAttempts: MAX_ATTEMPTS, requestHandler: { ...proxiedAgents(proxy) } };
  return { ecs: new ECSClient(settings), ec2: new EC2Client(settings) };
}
