#!/usr/bin/env node
// Logs Docker in to the registry that REMOTE names, for twelve hours; the AWS CLI is not needed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { complain } from './complain.ts';
import { openRegistry } from './ecr/registry.ts';

try {
  process.exitCode = await login(process.env.REMOTE ?? '');
} catch (error) {
  complain(error);
}

async function login(remote: string): Promise<number> {
  if (remote === '')
    throw new Error('REMOTE is not set: write REMOTE=<account>.dkr.ecr.<region>.amazonaws.com');
  const { client } = openRegistry(process.env, '');
  const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
  const token = authorizationData?.[0]?.authorizationToken;
  if (token === undefined) throw new Error('ECR gave no token');
  const [user = '', password = ''] = Buffer.from(token, 'base64').toString().split(':');
  const program = process.env.DOCKER || 'docker';
  const docker = spawn(program, ['login', '--username', user, '--password-stdin', remote], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const closed = once(docker, 'close').catch(cause => {
    throw new Error(`there is no ${program} here: install Docker, or write DOCKER=<its client>`, { cause });
  });
  docker.stdin.end(password);
  const [code] = await closed;
  return code ?? 1;
}
