import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient, type ECSClientConfig } from '@aws-sdk/client-ecs';
import { type ProxyConfig, proxiedAgents } from '../../../runtime/proxy.ts';

/**
 * The SDK repeats so often what was throttled or had no answer, after pauses of up to 1, 2, 4, … seconds at random
 * (its standard mode; see `rate.ts` for why not the adaptive one).
 */
const MAX_ATTEMPTS = 6;
const CONNECT_MS = 5_000;
/** Until an answer begins, and while it has stopped in its middle. */
const ANSWER_MS = 15_000;

/**
 * Clients of the region and the credentials that AWS's own variables, profile or role name.
 * @param settings in place of those
 */
export function createClients(
  proxy: ProxyConfig | undefined,
  settings: Pick<ECSClientConfig, 'endpoint' | 'region' | 'credentials'> = {},
): {
  readonly ecs: ECSClient;
  readonly ec2: EC2Client;
} {
  const requestHandler = {
    ...proxiedAgents(proxy),
    connectionTimeout: CONNECT_MS,
    requestTimeout: ANSWER_MS,
    throwOnRequestTimeout: true,
    socketTimeout: ANSWER_MS,
  };
  const config = { ...settings, maxAttempts: MAX_ATTEMPTS, requestHandler };
  return { ecs: new ECSClient(config), ec2: new EC2Client(config) };
}
