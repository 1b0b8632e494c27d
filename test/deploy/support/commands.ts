/** What a command was given, by option. */
type Options = Readonly<Record<string, string>>;

/** A command of the AWS CLI, as far as a walk needs it. */
export interface Command {
  /** Its options; those that end in `?` may be left out, and those that end in `!` take no value. */
  readonly options: string;
  /** How many words it takes besides. */
  readonly words?: number;
  /** What there has to be, and what there is afterwards: the kind, and the option that names it. */
  readonly needs?: Readonly<Record<string, string>>;
  readonly makes?: Readonly<Record<string, string>>;
  /** What it prints: by `--query`, without which it prints nothing that matters. */
  readonly answers?: Readonly<Record<string, string | ((options: Options) => string)>>;
}

export const TASK = 'arn:aws:ecs:us-west-1:123456789012:task/craftassist/0e';

/** Security groups, by name. */
const GROUPS: Readonly<Record<string, string>> = { craftassist: 'sg-03', 'servermgr-database': 'sg-0e' };

export const COMMANDS: Readonly<Record<string, Command>> = {
  'sts get-caller-identity': { options: '', answers: { Account: '123456789012' } },
  's3 mb': { options: '', words: 1, makes: { bucket: '0' } },
  's3 cp': { options: '', words: 2 },
  's3api put-public-access-block': {
    options: 'bucket public-access-block-configuration',
    needs: { bucket: 'bucket' },
  },
  's3api put-bucket-encryption': {
    options: 'bucket server-side-encryption-configuration',
    needs: { bucket: 'bucket' },
  },
  's3api put-bucket-lifecycle-configuration': {
    options: 'bucket lifecycle-configuration',
    needs: { bucket: 'bucket' },
  },
  'ecr create-repository': {
    options: 'repository-name image-scanning-configuration?',
    makes: { repository: 'repository-name' },
  },
  'ecr put-lifecycle-policy': {
    options: 'repository-name lifecycle-policy-text',
    needs: { repository: 'repository-name' },
  },
  'iam create-role': { options: 'role-name assume-role-policy-document', makes: { role: 'role-name' } },
  'iam put-role-policy': {
    options: 'role-name policy-name policy-document',
    needs: { role: 'role-name' },
  },
  'logs create-log-group': { options: 'log-group-name', makes: { log: 'log-group-name' } },
  'logs put-retention-policy': {
    options: 'log-group-name retention-in-days',
    needs: { log: 'log-group-name' },
  },
  'logs tail': { options: 'since?', words: 1, needs: { log: '0' } },
  'ec2 describe-vpcs': { options: 'filters', answers: { 'Vpcs[0].VpcId': 'vpc-01' } },
  'ec2 describe-subnets': { options: 'filters', answers: { 'Subnets[0].SubnetId': 'subnet-02' } },
  'ec2 create-security-group': {
    options: 'group-name vpc-id description',
    answers: { GroupId: ({ 'group-name': name = '' }) => GROUPS[name] ?? '' },
  },
  'ec2 authorize-security-group-ingress': { options: 'group-id protocol port cidr? source-group?' },
  'ec2 describe-network-interfaces': {
    options: 'network-interface-ids',
    answers: { 'NetworkInterfaces[0].Association.PublicIp': '203.0.113.7' },
  },
  'ecs create-cluster': { options: 'cluster-name settings?', makes: { cluster: 'cluster-name' } },
  'ecs run-task': {
    options: 'cluster launch-type task-definition network-configuration overrides?',
    needs: { cluster: 'cluster' },
    answers: { 'tasks[0].taskArn': TASK },
  },
  'ecs describe-tasks': {
    options: 'cluster tasks',
    needs: { cluster: 'cluster', task: 'tasks' },
    answers: { "tasks[0].attachments[0].details[?name=='networkInterfaceId'].value | [0]": 'eni-04' },
  },
  'ecs wait tasks-running': { options: 'cluster tasks', needs: { cluster: 'cluster', task: 'tasks' } },
  'ecs wait tasks-stopped': { options: 'cluster tasks', needs: { cluster: 'cluster', task: 'tasks' } },
  'ecs stop-task': { options: 'cluster task reason?', needs: { cluster: 'cluster', task: 'task' } },
  'ecs create-service': {
    options: `cluster service-name task-definition desired-count launch-type deployment-configuration
      health-check-grace-period-seconds load-balancers network-configuration propagate-tags?`,
    needs: { cluster: 'cluster' },
  },
  'scheduler create-schedule': {
    options: 'name schedule-expression flexible-time-window target',
  },
  'ssm put-parameter': { options: 'name type value', makes: { parameter: 'name' } },
  'rds create-db-subnet-group': {
    options: 'db-subnet-group-name db-subnet-group-description subnet-ids',
    // The second subnet.
    words: 1,
    makes: { 'subnet group': 'db-subnet-group-name' },
  },
  'rds create-db-instance': {
    options: `db-instance-identifier engine db-instance-class allocated-storage storage-type storage-encrypted!
      no-publicly-accessible! db-subnet-group-name vpc-security-group-ids db-name master-username
      master-user-password backup-retention-period deletion-protection!`,
    needs: { 'subnet group': 'db-subnet-group-name' },
    makes: { database: 'db-instance-identifier' },
  },
  'rds wait db-instance-available': {
    options: 'db-instance-identifier',
    needs: { database: 'db-instance-identifier' },
  },
  'rds describe-db-instances': {
    options: 'db-instance-identifier',
    needs: { database: 'db-instance-identifier' },
    answers: { 'DBInstances[0].Endpoint.Address': 'servermgr.0f.us-west-1.rds.amazonaws.com' },
  },
};

/** What the value of an option has to look like; others need only be there. */
export const VALUES: Readonly<Record<string, RegExp>> = {
  'public-access-block-configuration':
    /^BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true$/,
  'image-scanning-configuration': /^scanOnPush=true$/,
  'network-interface-ids': /^eni-04$/,
  'retention-in-days': /^(1|3|5|7|14|30|60|90|120|150|180|365|400)$/,
  filters: /^Name=(is-default,Values=true|vpc-id,Values=vpc-01)$/,
  'vpc-id': /^vpc-01$/,
  'group-id': /^sg-0[3e]$/,
  'source-group': /^sg-0c$/,
  'vpc-security-group-ids': /^sg-0e$/,
  'subnet-ids': /^subnet-0a$/,
  engine: /^postgres$/,
  'db-instance-class': /^db\.[a-z0-9]+\.[a-z0-9]+$/,
  'storage-type': /^gp3$/,
  'allocated-storage': /^(2\d|[3-9]\d|\d{3,})$/,
  'backup-retention-period': /^([12]?\d|3[0-5])$/,
  protocol: /^tcp$/,
  port: /^(80|25565|5432)$/,
  cidr: /^0\.0\.0\.0\/0$/,
  settings: /^name=containerInsights,value=(enabled|disabled)$/,
  'launch-type': /^FARGATE$/,
  'network-configuration':
    /^awsvpcConfiguration=\{subnets=\[subnet-02\],securityGroups=\[sg-03\],assignPublicIp=ENABLED\}$|^\{/,
  // Arguments can be seen by every process of a machine.
  'master-user-password': /^file:\/\/\/dev\/stdin$/,
  value: /^file:\/\/\/dev\/stdin$/,
  output: /^text$/,
};

/** Options whose values are JSON, or the name of a file with it. */
export const JSON_OPTIONS = [
  ...['assume-role-policy-document', 'policy-document', 'lifecycle-configuration', 'lifecycle-policy-text'],
  ...['server-side-encryption-configuration', 'overrides', 'cli-input-json'],
];
