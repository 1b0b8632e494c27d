/** @module-tag slow */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { parseServermgrConfig } from '../../src/config/servermgr.ts';
import { openEcr, REMOTE } from '../scripts/support/ecr.ts';
import { openEcs } from '../scripts/support/ecs.ts';
import { COMPILE_CACHE } from '../support/built.ts';
import { killAllIn } from '../support/container.ts';
import { freePort } from '../support/free-port.ts';
import { commandsOf } from '../support/page-commands.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { startS3Server } from '../support/s3-server.ts';
import { program } from '../support/session.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PREFIX = 'turk_interactions_with_agent';

const WALK =
  commandsOf('docs/deploy.md', '## From an empty AWS account to the first archive') +
  commandsOf('docs/servermgr-deploy.md', '## ECS');

const head = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();

async function openAccount() {
  const folder = mkdtempSync(join(tmpdir(), 'walk-'));
  for (const name of ['aws', 'docker']) {
    const stub = `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, 'programs', name)}.mjs" "$@"\n`;
    writeFileSync(join(folder, name), stub, { mode: 0o755 });
  }
  const [ecr, ecs] = [await openEcr(), await openEcs()];
  const s3 = await startS3Server({ buckets: ['recordings'] });
  onTestFinished(async () => {
    await killAllIn(folder);
    await Promise.all([ecr[Symbol.asyncDispose](), ecs[Symbol.asyncDispose](), s3.close()]);
    rmSync(folder, { recursive: true });
  });
  const { SESSION_DESTINATION, AWS_REGION, ...store } = s3Environment({ url: s3.url });
  const port = await freePort();
  const env = {
    ...COMPILE_CACHE,
    ...store,
    AWS_ENDPOINT_URL_ECR: ecr.url,
    AWS_ENDPOINT_URL_ECS: ecs.url,
    PATH: [folder, process.env.PATH].join(delimiter),
    HOME: folder,
    STAND_INS: folder,
    // As in a clone without changes, and a ready image, of which no repository is asked.
    COMMIT: head,
    CRAFTASSIST_IMAGE: 'craftassist:ready',
    // What the container of the task has and this machine has not.
    SESSION_WORKDIR: join(folder, 'work'),
    SESSION_SERVER_ADDRESS: `127.0.0.1:${port}`,
    SESSION_SERVER_COMMAND: program('server-ready', '--port', port),
    SESSION_AGENT_COMMAND: program('agent-runs'),
  };
  return { folder, env, ecr, ecs, s3 };
}

/** Types a script into one shell, which ends at the first command that fails. */
async function walk(script: string, env: Record<string, string | undefined>) {
  const shell = spawn('sh', ['-eu', '-c', script], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(shell, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), closed]);
  return { code, stdout, stderr };
}

function containerOf(revision: unknown) {
  const { containerDefinitions } = revision as {
    readonly containerDefinitions: readonly {
      readonly environment: readonly { readonly name: string; readonly value: string }[];
      readonly secrets: readonly { readonly name: string; readonly valueFrom: string }[];
    }[];
  };
  const [container] = containerDefinitions;
  if (container === undefined) throw new Error('there is no container');
  return container;
}

test('every command of the pages leads from an empty account to the first archive, and the green button', {
  timeout: 300_000,
}, async () => {
  const { folder, env, ecr, ecs, s3 } = await openAccount();
  const { code, stdout, stderr } = await walk(WALK, env);
  expect(code, stderr).toBe(0);
  // The last command of the first session lists what is in the archive.
  expect(stdout).toMatch(/^agent\.log$/m);
  expect(stdout + stderr).toContain('nothing to recover');
  expect(s3.objects('recordings').map(({ key }) => key)).toEqual(
    expect.arrayContaining([`${PREFIX}/first/logs.tar.gz`, `${PREFIX}/.sessions/first/session.json`]),
  );
  const image = `${REMOTE}/craftassist@${ecr.tags.get('latest')}`;
  expect(ecs.revisions).toMatchObject([
    { family: 'craftassist', containerDefinitions: [{ image }] },
    { family: 'craftassist-recovery', containerDefinitions: [{ image }] },
    { family: 'servermgr', containerDefinitions: [{ image: `${REMOTE}/servermgr@${ecr.tags.get(head)}` }] },
  ]);
  // As the platform starts it: with what is in the parameters.
  const container = containerOf(ecs.revisions[2]);
  const secrets = container.secrets.map(({ name, valueFrom }) => {
    const parameter = valueFrom.replace(/^.*:parameter/, '');
    return [name, readFileSync(join(folder, parameter.replaceAll('/', '_')), 'utf8')];
  });
  const given = container.environment.map(({ name, value }) => [name, value]);
  const variables = Object.fromEntries([...secrets, ...given]);
  const { config } = parseServermgrConfig(variables, { cwd: '/', demo: undefined });
  const password = readFileSync(join(folder, 'password'), 'utf8');
  expect(config.database).toEqual({
    kind: 'postgres',
    url: `postgres://servermgr:${password}@servermgr.0f.us-west-1.rds.amazonaws.com:5432/servermgr`,
    tls: 'no-verify',
  });
});

test('a walk in which nothing is promoted ends there', async () => {
  const { env, ecs } = await openAccount();
  const broken = WALK.replace(/^make promote .*\n/m, '');
  expect(broken).not.toBe(WALK);
  const { code, stderr } = await walk(broken, env);
  expect([code, stderr]).toEqual([2, expect.stringContaining('craftassist:latest: push it, or promote one')]);
  expect(ecs.revisions).toEqual([]);
});

test.each([
  ['aws log create-log-group --log-group-name g', 'no such command'],
  ['aws ecr create-repository --repository craftassist', "Unknown option '--repository'"],
  ['aws logs create-log-group', 'missing: log-group-name'],
  ['aws s3 mb', 'missing:'],
  ['aws logs put-retention-policy --log-group-name g --retention-in-days 30', 'there is no log g yet'],
  ['aws s3 mb s3://b; aws s3 mb s3://b', 'there is a bucket b already'],
  ['aws iam create-role --role-name r --assume-role-policy-document ""', 'JSON'],
  ['aws ecr put-lifecycle-policy --repository-name r --lifecycle-policy-text file://deploy/none', 'ENOENT'],
  ['aws ec2 describe-subnets --filters Name=vpc-id,Values=', '--filters is not Name=vpc-id,Values='],
  [
    "aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].Id'",
    'nothing is known of --query Vpcs[0].Id',
  ],
  [`aws scheduler create-schedule --cli-input-json '{"Nam":"n"}'`, 'missing: name,schedule-expression'],
  ['aws ssm put-parameter --name n --type SecureString --value abc', '--value is not abc'],
  ['printf s | aws ssm put-parameter --name n --type SecureString --value s', '--value is not s'],
  ["printf '' | aws ssm put-parameter --name n --type SecureString --value file:///dev/stdin", 'n is ""'],
  ['aws rds wait db-instance-available --db-instance-identifier d', 'there is no database d yet'],
  ['docker build --tag R/a:b --colour .', "Unknown option '--colour'"],
  ['docker push R/a:b', 'there is no image R/a:b yet'],
  ['docker build --tag R/a:b .; docker push R/a:b', 'there is no login R yet'],
])('the stand-ins refuse %s', async (script, why) => {
  const { env } = await openAccount();
  const { code, stderr } = await walk(script, env);
  expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
});
