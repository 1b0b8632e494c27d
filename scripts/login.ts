#!/usr/bin/env node
// Logs Docker in to the registry that REMOTE names, for twelve hours; the AWS CLI is not needed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { openRegistry } from './ecr/registry.ts';
import { type Environment, runMain } from './run-main.ts';

/** @returns the exit code of `docker login`, which writes to this process's own output. */
export async function main(_: readonly string[], env: Environment): Promise<number> {
  if (!env.REMOTE)
    throw new Error('REMOTE is not set: write REMOTE=<account>.dkr.ecr.<region>.amazonaws.com');
  const { client } = openRegistry(env, '');
  return dockerLogin(env, env.REMOTE, await fetchCredentials(client));
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

async function fetchCredentials(client: ECRClient): Promise<Credentials> {
  const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
  const token = authorizationData?.[0]?.authorizationToken;
  if (token === undefined) throw new Error('ECR returned no token');
  // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html
  const [user = '', password = ''] = Buffer.from(token, 'base64').toString().split(':');
  return { user, password };
}

/** Hands the password over on standard input: arguments are visible to every process of the machine. */
async function dockerLogin(
  env: Environment,
  remote: string,
  { user, password }: Credentials,
): Promise<number> {
  const program = env.DOCKER || 'docker';
  const docker = spawn(program, ['login', '--username', user, '--password-stdin', remote], {
    env,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const closed = once(docker, 'close').catch(cause => {
    throw new Error(`there is no ${program} here: install Docker, or write DOCKER=<its client>`, { cause });
  });
  docker.stdin.end(password);
  const [code] = await closed;
  return code ?? 1;
}

if (import.meta.main) await runMain(main);
