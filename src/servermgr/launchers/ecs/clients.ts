import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';

/** RunTask and DescribeTasks are throttled per account: the SDK repeats so often, with growing pauses. */
const MAX_ATTEMPTS = 6;

/** Clients of the region and the credentials that AWS's own variables, profile or role name. */
export function createClients(): { readonly ecs: ECSClient; readonly ec2: EC2Client } {
  return {
    ecs: new ECSClient({ maxAttempts: MAX_ATTEMPTS }),
    ec2: new EC2Client({ maxAttempts: MAX_ATTEMPTS }),
  };
}
