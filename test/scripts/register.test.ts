import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { difference } from '../../scripts/ecs/difference.ts';
import { main } from '../../scripts/register.ts';
import { AwsFault, serveAws } from './support/aws-json.ts';
import { openEcr, REMOTE } from './support/ecr.ts';
import { openEcs } from './support/ecs.ts';
import { callMain, runScript } from './support/script.ts';

const DEPLOY = resolve(import.meta.dirname, '../../deploy');

type Json = Record<string, unknown>;

let ecs: Awaited<ReturnType<typeof openEcs>>;
let ecr: Awaited<ReturnType<typeof openEcr>>;
let promoted: string;

beforeEach(async () => {
  [ecs, ecr] = await Promise.all([openEcs(), openEcr()]);
  promoted = ecr.push('latest', 'old');
});

afterEach(async () => {
  await ecs[Symbol.asyncDispose]();
  await ecr[Symbol.asyncDispose]();
});

const environment = () => ({
  ...{ REMOTE, BUCKET: 'recordings' },
  ...{ AWS_ENDPOINT_URL_ECS: ecs.url, AWS_ENDPOINT_URL_ECR: ecr.url },
});
const register = (args: string[] = [], env: Record<string, string> = {}) =>
  callMain(main, args, { ...environment(), ...env });
const registerAsProcess = (...args: string[]) => runScript('register.ts', args, environment());

const registrations = () =>
  ecs.requests.filter(({ operation }) => operation === 'RegisterTaskDefinition').map(({ input }) => input);

test('registers the first revision, filled in, with the image by its digest', async () => {
  const { code, stdout, stderr } = await registerAsProcess();
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`${REMOTE}/craftassist:latest is ${promoted}\n`);
  expect(stdout).toContain('craftassist has no revision yet');
  expect(stdout).toContain('registered arn:aws:ecs:us-west-1:123456789012:task-definition/craftassist:1');
  expect(registrations()).toMatchObject([
    {
      family: 'craftassist',
      taskRoleArn: 'arn:aws:iam::123456789012:role/craftassist-session',
      containerDefinitions: [{ name: 'craftassist', image: `${REMOTE}/craftassist@${promoted}` }],
    },
  ]);
});

test('what is promoted since is a difference, and becomes a revision', async () => {
  await register();
  const next = ecr.push('latest', 'new');
  const { stdout } = await register();
  const path = 'containerDefinitions.craftassist.image';
  expect(stdout).toContain(`- ${path} = "${REMOTE}/craftassist@${promoted}"\n`);
  expect(stdout).toContain(`+ ${path} = "${REMOTE}/craftassist@${next}"\n`);
  expect(registrations()).toHaveLength(2);
});

test('keeps the tag where that is wanted, and the name of an image that is not in ECR, which it says', async () => {
  await register(['--keep-tag']);
  const { stdout } = await register([], { IMAGE: 'ghcr.io/somebody/craftassist:1' });
  expect(stdout).toContain('ghcr.io/somebody/craftassist:1 keeps its tag: no registry but ECR is asked');
  await register([], { IMAGE: `${REMOTE}/craftassist@${promoted}` });
  const images = registrations().map(input => (input.containerDefinitions as Json[])[0]?.image);
  expect(images).toEqual([
    `${REMOTE}/craftassist:latest`,
    'ghcr.io/somebody/craftassist:1',
    `${REMOTE}/craftassist@${promoted}`,
  ]);
});

test('registers no image that is not there', async () => {
  const { code, stderr } = await register([], { IMAGE: `${REMOTE}/servermgr:abc123` });
  expect([code, stderr]).toEqual([1, `there is no ${REMOTE}/servermgr:abc123: push it, or promote one\n`]);
  expect(ecs.requests).toEqual([]);
});

test('runs on the processors that the image is built for', async () => {
  await register([], { PLATFORM: 'linux/arm64' });
  expect(registrations()).toMatchObject([{ runtimePlatform: { cpuArchitecture: 'ARM64' } }]);
  const { code, stderr } = await register([], { PLATFORM: 'linux/riscv64' });
  expect([code, stderr]).toEqual([
    1,
    'ARCHITECTURE is not known: write PLATFORM=<linux/amd64 or linux/arm64>\n',
  ]);
});

test.each(['task-definition.json', 'recovery-task-definition.json', 'servermgr-task.json'])(
  'every word of %s is one that ECS knows',
  async file => {
    // The SDK sends what its model has a name for, and drops the rest.
    const names = { SUBNETS: 'subnet-1,subnet-2', GAME_SECURITY_GROUP: 'sg-1' };
    expect((await register(['--keep-tag', join(DEPLOY, file)], names)).code).toBe(0);
    const { stdout } = await register(['--print', join(DEPLOY, file)], names);
    expect(registrations()).toEqual([JSON.parse(stdout)]);
  },
);

test('finds nothing to do where the revision in force is as the file says', async () => {
  await register();
  const { code, stdout } = await register();
  expect(code).toBe(0);
  expect(stdout).toContain('craftassist:1 is as the file says: nothing to do\n');
  expect(registrations()).toHaveLength(1);
});

test('shows what changes before it registers', async () => {
  await register();
  const { stdout } = await register([], { BUCKET: 'elsewhere' });
  const path = 'containerDefinitions.craftassist.environment.SESSION_DESTINATION.value';
  expect(stdout.split('\n').slice(1, 5)).toEqual([
    'craftassist:1 is in force, and becomes:',
    `- ${path} = "s3://recordings/turk_interactions_with_agent"`,
    `+ ${path} = "s3://elsewhere/turk_interactions_with_agent"`,
    'registered arn:aws:ecs:us-west-1:123456789012:task-definition/craftassist:2',
  ]);
});

test('registers nothing in a dry run', async () => {
  const { code, stdout } = await register(['--dry-run']);
  expect(code).toBe(0);
  expect(stdout).toContain('this was a dry run');
  expect(registrations()).toEqual([]);
});

test('asks for everything that the file leaves open at once', async () => {
  const { code, stderr } = await runScript('register.ts', [], { AWS_ENDPOINT_URL_ECS: ecs.url });
  expect(code).toBe(1);
  expect(
    stderr
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0]),
  ).toEqual(['ACCOUNT', 'IMAGE', 'BUCKET', 'REGION']);
  expect(ecs.requests).toEqual([]);
});

test('refuses a file that is no task definition', async () => {
  const { code, stderr } = await registerAsProcess(join(DEPLOY, 'iam/session.json'));
  expect([code, stderr]).toEqual([1, 'the file is no task definition: it names no family\n']);
  expect(ecs.requests).toEqual([]);
});

test('an answer that is not understood stops it', async () => {
  await using refusing = await serveAws({
    DescribeTaskDefinition() {
      throw new AwsFault('AccessDeniedException', 'not authorized to perform: ecs:DescribeTaskDefinition');
    },
  });
  const { code, stderr } = await register([], { AWS_ENDPOINT_URL_ECS: refusing.url });
  expect(code).toBe(1);
  expect(stderr).toContain('not authorized');
});

test('prints every policy filled in, as JSON', async () => {
  const names = { CLUSTER: 'craftassist', SUBNET: 'subnet-1' };
  const files = readdirSync(join(DEPLOY, 'iam')).map(name => join(DEPLOY, 'iam', name));
  for (const file of [
    ...files,
    ...['bucket-lifecycle', 'recovery-schedule'].map(name => join(DEPLOY, `${name}.json`)),
  ]) {
    const { code, stdout, stderr } = await register(['--print', file], names);
    expect([code, stderr], file).toEqual([0, '']);
    expect(() => JSON.parse(stdout), file).not.toThrow();
    expect(stdout, file).not.toContain('${');
  }
});

test('the lifecycle rules cannot be applied before they are filled in, although their placeholder could be a prefix', async () => {
  const placeholder = '$'.concat('{PREFIX}');
  const file = join(DEPLOY, 'bucket-lifecycle.json');
  expect(() => deployed('bucket-lifecycle.json')).toThrow(SyntaxError);
  const { stdout } = await register(['--print', file], { PREFIX: 'sessions' });
  expect(JSON.parse(stdout).Rules).toMatchObject([
    { Filter: { Prefix: 'sessions/' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
    { Filter: { Prefix: 'sessions/' } },
  ]);
  const unfilled = await register(['--print', file], { PREFIX: placeholder });
  expect([unfilled.code, unfilled.stdout, unfilled.stderr]).toEqual([
    1,
    '',
    `PREFIX is itself a placeholder, ${placeholder}: write PREFIX=<prefix>\n`,
  ]);
  const wrong = await register(['--print', file], { UPLOAD_DAYS: 'two' });
  expect([wrong.code, wrong.stdout]).toEqual([1, '']);
});

test.each(['iam/scheduler.json', 'servermgr-policy.json'])(
  '%s runs tasks that there are, in their roles',
  file => {
    const tasks = ['task-definition', 'recovery-task-definition', 'servermgr-task'].map(name =>
      deployed(`${name}.json`),
    );
    const { Statement } = deployed(file) as { Statement: { Action: string; Resource: string[] }[] };
    const resourcesOf = (action: string) => Statement.find(({ Action }) => Action === action)?.Resource ?? [];
    // Whoever runs a family names no revision, and is judged by that name.
    const [family] = resourcesOf('ecs:RunTask').map(
      resource => /task-definition\/([\w-]+)$/.exec(resource)?.[1],
    );
    const task = tasks.find(task => task.family === family);
    expect(resourcesOf('ecs:RunTask')).toContain(
      `arn:aws:ecs:\${REGION}:\${ACCOUNT}:task-definition/${family}:*`,
    );
    expect(resourcesOf('iam:PassRole')).toEqual(
      expect.arrayContaining([task?.taskRoleArn, task?.executionRoleArn]),
    );
  },
);

function deployed(file: string): Json {
  return JSON.parse(readFileSync(join(DEPLOY, file), 'utf8'));
}

describe('a difference', () => {
  test('is what was changed, added and removed', () => {
    const before = { cpu: '256', memory: '512', volumes: [{ name: 'a', host: 'x' }] };
    const after = { cpu: '512', memory: '512', volumes: [{ name: 'b', host: 'x' }] };
    expect(difference(before, after)).toEqual([
      '- cpu = "256"',
      '+ cpu = "512"',
      '- volumes.a.host = "x"',
      '- volumes.a.name = "a"',
      '+ volumes.b.host = "x"',
      '+ volumes.b.name = "b"',
    ]);
  });

  test('is not in the order of what has names, nor in what is empty', () => {
    const before = {
      environment: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
      cpu: 0,
      links: [],
    };
    const after = {
      environment: [
        { name: 'B', value: '2' },
        { name: 'A', value: '1' },
      ],
    };
    expect(difference(before, after)).toEqual([]);
  });

  test('is in the order of a command', () => {
    expect(difference({ command: ['a', 'b'] }, { command: ['b', 'a'] })).toHaveLength(4);
  });
});
