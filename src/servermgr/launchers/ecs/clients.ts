export { EC2Client } from '@aws-sdk/client-ec2';
export { ECSClient } from '@aws-sdk/client-ecs';
