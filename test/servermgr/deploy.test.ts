import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseServermgrConfig } from '../../src/config/servermgr.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

const PLACEHOLDERS: Record<string, string> = {
  ...{ ACCOUNT: '123456789012', REGION: 'us-east-1', BUCKET: 'craftassist', IMAGE: 'registry/servermgr:1' },
  ARCHITECTURE: 'X86_64',
  ...{ PREFIX: 'sessions', SUBNETS: 'subnet-a,subnet-b', SUBNET_A: 'subnet-a', SUBNET_B: 'subnet-b' },
  ...{ GAME_SECURITY_GROUP: 'sg-1', WEB_SECURITY_GROUP: 'sg-2', TARGET_GROUP_ARN: 'arn:aws:elb' },
};

test('the policy allows what the launcher asks for, and nothing else', async () => {
  const policy = await filled('servermgr-policy.json');
  const actions = policy.Statement.flatMap(({ Action }: { Action: string }) => Action).toSorted();
  expect(actions).toEqual(
    [
      ...['ecs:RunTask', 'ecs:TagResource', 'ecs:ListTasks', 'ecs:DescribeTasks', 'ecs:StopTask'],
      ...['ec2:DescribeNetworkInterfaces', 'iam:PassRole', 's3:GetObject', 's3:ListBucket'],
    ].toSorted(),
  );
  for (const { Resource, Action } of policy.Statement) {
    // These two know no resources; ListTasks is held to the cluster by its condition.
    if (Resource === '*') expect(['ec2:DescribeNetworkInterfaces', 'ecs:ListTasks']).toContain(Action);
  }
});

test('the policy lets the launcher pass the roles of a session and of a recovery, and no others', async () => {
  const { Statement } = await filled('servermgr-policy.json');
  const pass = Statement.find(({ Action }: { Action: string }) => Action === 'iam:PassRole');
  const session = await filled('task-definition.json');
  const recovery = await filled('recovery-task-definition.json');
  expect(pass.Resource.toSorted()).toEqual(
    [session.taskRoleArn, session.executionRoleArn, recovery.taskRoleArn].toSorted(),
  );
});

test('the button recovers in the role of the schedule, which may list and read what was saved', async () => {
  const { config } = await managerOfTask();
  const { taskRoleArn } = await filled('recovery-task-definition.json');
  expect(config.launcher).toMatchObject({ recoveryRole: taskRoleArn });
  const { Statement } = await filled('iam/recovery.json');
  expect(Statement.flatMap(({ Action }: { Action: string | string[] }) => Action)).toEqual(
    expect.arrayContaining(['s3:ListBucket', 's3:GetObject', 's3:PutObject']),
  );
});

test('the task definition sets the manager up so that it starts, with its secrets from elsewhere', async () => {
  const { container, secrets, config, notices } = await managerOfTask();
  expect(secrets).toEqual(['SERVERMGR_SECRET', 'SERVERMGR_ADMIN_TOKEN', 'DATABASE_URL']);
  expect(notices).toEqual([]);
  expect(config).toMatchObject({
    listen: { host: '0.0.0.0', port: container.portMappings[0].containerPort },
    launcher: { kind: 'ecs', subnets: ['subnet-a', 'subnet-b'], securityGroups: ['sg-1'] },
    trustedProxies: 1,
    database: { kind: 'postgres' },
  });
});

test('the execution role may read the secrets of the manager', async () => {
  const { container } = await managerOfTask();
  const { Statement } = await filled('iam/servermgr-execution.json');
  const read = Statement.find(({ Action }: { Action: string }) => Action === 'ssm:GetParameters');
  const prefix = read.Resource.replace(/\*$/, '');
  for (const { valueFrom } of container.secrets) expect(valueFrom.startsWith(prefix)).toBe(true);
});

test('nothing is written in the manager’s container: without a folder to write to, it starts', async () => {
  const { container, config } = await managerOfTask();
  expect(container.readonlyRootFilesystem).toBe(true);
  // A SQLite file, or a secret that is made, would be written to the state folder.
  expect([config.database.kind, config.launcher.kind, config.secret]).toEqual([
    'postgres',
    'ecs',
    expect.any(String),
  ]);
});

test('the manager leads to the dashboard where the image’s listens, and the session’s task opens that port', async () => {
  const { config } = await managerOfTask();
  const [session] = (await filled('task-definition.json')).containerDefinitions;
  const port = Number(/MCDASHBOARD_PORT=(\d+)/.exec(await readFile(join(ROOT, 'Dockerfile'), 'utf8'))?.[1]);
  expect(config.launcher).toMatchObject({ dashboardPort: port });
  expect(session.portMappings).toContainEqual({ containerPort: port, hostPort: port, protocol: 'tcp' });
});

test('the service runs two instances of that task behind a load balancer', async () => {
  const service = await filled('servermgr-service.json');
  const { family, containerDefinitions } = await filled('servermgr-task.json');
  expect(service).toMatchObject({ taskDefinition: family, desiredCount: 2 });
  expect(service.loadBalancers[0]).toMatchObject({
    containerName: containerDefinitions[0].name,
    containerPort: containerDefinitions[0].portMappings[0].containerPort,
  });
});

test('deploy.sh sends the commit that is checked out to Heroku’s main, and says what it cannot do', {
  tags: ['slow'],
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deploy-'));
  try {
    const [checkout, heroku] = [join(folder, 'checkout'), join(folder, 'heroku.git')];
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=Tests', '-c', 'user.email=tests@localhost', ...args], { cwd: checkout });
    const deploy = (...args: string[]) => run('sh', [join(checkout, 'scripts/deploy.sh'), ...args]);
    await mkdir(join(checkout, 'scripts'), { recursive: true });
    await cp(join(ROOT, 'scripts/deploy.sh'), join(checkout, 'scripts/deploy.sh'));
    await run('git', ['init', '--quiet', '--bare', heroku]);
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '-m', 'no Procfile yet');
    await expect(deploy()).rejects.toThrow(/There is no git remote "heroku_servermgr": heroku git:remote/);
    await git('remote', 'add', 'heroku_servermgr', heroku);
    await expect(deploy()).rejects.toThrow(/has no Procfile/);
    await expect(deploy('nowhere')).rejects.toThrow(/"nowhere" is no commit/);

    await cp(join(ROOT, 'Procfile'), join(checkout, 'Procfile'));
    await git('add', '.');
    await git('commit', '--quiet', '-m', 'the button');
    await writeFile(join(checkout, 'draft'), '');
    const { stdout, stderr } = await deploy();
    expect(stdout).toMatch(/Deploying [0-9a-f]+ the button to heroku_servermgr/);
    expect(stderr).toContain('What is not committed stays here.');
    const head = (await git('rev-parse', 'HEAD')).stdout;
    expect((await run('git', ['--git-dir', heroku, 'rev-parse', 'main'])).stdout).toBe(head);

    await git('checkout', '--quiet', '--orphan', 'another');
    await git('commit', '--quiet', '-m', 'another history');
    await expect(deploy()).rejects.toThrow(/rejected/);
    await run('sh', [join(checkout, 'scripts/deploy.sh')], { env: { ...process.env, FORCE: '1' } });

    // As it was typed before, with the remote as it was called.
    await git('remote', 'rename', 'heroku_servermgr', 'servermgr');
    await cp(join(ROOT, 'tools/servermgr'), join(checkout, 'tools/servermgr'), { recursive: true });
    await git('add', 'tools');
    await git('commit', '--quiet', '-m', 'once more');
    const again = await run('./deploy.sh', [], { cwd: join(checkout, 'tools/servermgr') });
    expect(again.stdout).toMatch(/Deploying [0-9a-f]+ once more to servermgr/);
  } finally {
    // Git may still tidy up, in the background.
    await rm(folder, { recursive: true, maxRetries: 10 });
  }
});

test('Procfile starts the manager', async () => {
  expect(await readFile(join(ROOT, 'Procfile'), 'utf8')).toBe('web: node src/servermgr/main.ts\n');
});

const SECRETS: Record<string, string> = {
  DATABASE_URL: 'postgres://u:p@db.internal/servermgr?sslmode=require',
};

/** The manager, as its task definition sets it up. */
async function managerOfTask() {
  const [container] = (await filled('servermgr-task.json')).containerDefinitions;
  const env = Object.fromEntries(
    container.environment.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  const secrets: string[] = container.secrets.map(({ name }: { name: string }) => name);
  const given = Object.fromEntries(secrets.map(name => [name, SECRETS[name] ?? 's'.repeat(40)]));
  return {
    container,
    secrets,
    ...parseServermgrConfig({ ...env, ...given }, { cwd: '/', demo: undefined }),
  };
}

async function filled(name: string) {
  const text = await readFile(join(ROOT, 'deploy', name), 'utf8');
  const full = text.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => {
    const value = PLACEHOLDERS[key];
    if (value === undefined) throw new Error(`nobody fills in ${key}`);
    return value;
  });
  return JSON.parse(full);
}
