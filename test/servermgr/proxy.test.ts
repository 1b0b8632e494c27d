import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeNetworkInterfacesCommand } from '@aws-sdk/client-ec2';
import { ListTasksCommand } from '@aws-sdk/client-ecs';
import Docker from 'dockerode';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { DestinationUrl } from '../../src/config/session-config.ts';
import { openDocker } from '../../src/servermgr/launchers/docker/docker.ts';
import { createClients } from '../../src/servermgr/launchers/ecs/clients.ts';
import { nameOf, newId, randomToken } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, startTlsFront } from '../support/proxy.ts';
import { startS3Server } from '../support/s3-server.ts';
import { CERTIFICATE } from '../support/tls.ts';
import { startAwsServer } from './support/aws-server.ts';
import { dockerSettings, startDockerServer } from './support/docker-server.ts';
import { portRange } from './support/manager.ts';
import { startProgram } from './support/program.ts';
import { idIn, newVisitor } from './support/visitor.ts';

test('ECS and EC2 are asked through the proxy', async () => {
  await using aws = await startAwsServer();
  await using proxy = await startProxy({ to: { port: Number(new URL(aws.url).port) } });
  const variables = {
    AWS_ENDPOINT_URL_ECS: 'http://ecs.test',
    AWS_ENDPOINT_URL_EC2: 'http://ec2.test',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'sessions',
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const { ecs, ec2 } = createClients({ http: proxy.url, https: undefined, except: [] });
  await ecs.send(new ListTasksCommand({ cluster: 'c' }));
  await ec2.send(new DescribeNetworkInterfacesCommand({}));
  ecs.destroy();
  ec2.destroy();
  expect(proxy.requests).toEqual(['POST http://ecs.test/', 'POST http://ec2.test/']);
});

test('servermgr reaches ECS and the bucket through the tunnels of a proxy, and nowhere shows its password', {
  tags: ['slow'],
}, async () => {
  await using aws = await startAwsServer({ interfaceMs: 100, runningMs: 200, addressMs: 300 });
  const s3 = await startS3Server();
  onTestFinished(() => s3.close());
  await using ecsFront = await startTlsFront({ port: Number(new URL(aws.url).port) });
  await using s3Front = await startTlsFront({ port: Number(new URL(s3.url).port) });
  await using proxy = await startProxy({
    to: { port: 1 },
    hosts: { 'ecs.test': ecsFront, 's3.test': s3Front },
    credentials: 'me:topsecret',
  });
  const folder = await mkdtemp(join(tmpdir(), 'servermgr-proxy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const adminToken = randomToken();
  await using program = await startProgram(
    {
      HTTPS_PROXY: proxy.url.replace('//', '//me:topsecret@'),
      NODE_EXTRA_CA_CERTS: CERTIFICATE,
      SERVERMGR_LAUNCHER: 'ecs',
      SERVERMGR_SECRET: 's'.repeat(40),
      SERVERMGR_ADMIN_TOKEN: adminToken,
      SERVERMGR_ECS_SUBNETS: 'subnet-a',
      SERVERMGR_ECS_SECURITY_GROUPS: 'sg-1',
      SERVERMGR_ECS_GAME_PORT: String(await aws.tasks.playGame()),
      SESSION_DESTINATION: 's3://bucket/sessions',
      SESSION_S3_PATH_STYLE: '1',
      AWS_ENDPOINT_URL_ECS: 'https://ecs.test',
      AWS_ENDPOINT_URL_S3: 'https://s3.test',
      // This machine has no proxy in front.
      AWS_ENDPOINT_URL_EC2: aws.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'of',
      AWS_SECRET_ACCESS_KEY: 'tests',
    },
    folder,
  );
  const visitor = newVisitor(program.url);
  const id = idIn(await visitor.launch());
  await eventually(async () => (await visitor.status(id)).progress === 100);
  const report = { saved: 'archive', exitCode: 0, end: { by: 'signal', text: 'the report says so' } };
  const key = `sessions/.sessions/${encodeURIComponent(nameOf(id) ?? '')}/session.json`;
  await fetch(`${s3.url}/bucket/${key}`, { method: 'PUT', body: JSON.stringify(report) });
  const [task] = aws.tasks.alive();
  if (task !== undefined) aws.tasks.end(task, { exitCode: 0 });
  const page = await eventually(async () => {
    const text = await visitor.text(`/wait?q=${id}`);
    return text.includes('Its computer was switched off.') ? text : undefined;
  });
  const admin = await newVisitor(program.url, { authorization: `Bearer ${adminToken}` }).text('/admin');
  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT ecs.test:443', 'CONNECT s3.test:443']));
  const launches = aws.requests.map(({ body }) => JSON.stringify(body)).join();
  expect([page, admin, program.output(), launches].join()).not.toContain('topsecret');
});

test.for<DestinationUrl>([
  { kind: 's3', bucket: 'bucket', prefix: 'sessions' },
  { kind: 'directory', path: '/archives' },
])('containers that save to %j get the proxy in their environment, and nowhere else', async destination => {
  await using server = await startDockerServer();
  const proxies = {
    HTTPS_PROXY: 'http://me:topsecret@proxy.test:3128',
    http_proxy: 'http://me:topsecret@proxy.test:3129',
    no_proxy: 'store.test,10.0.0.0/8',
  };
  const launcher = openDocker(dockerSettings(await portRange(1)), {
    docker: new Docker({ socketPath: server.socketPath }),
    name: 'tests',
    destination,
    env: { ...proxies, HTTP_PROXY: undefined, PROXY_PASSWORD: 'unrelated' },
  });
  const id = newId(Date.now());
  const name = nameOf(id) ?? '';
  const identity = { id, idempotencyKey: `p${randomToken().slice(1)}`, visitorHash: randomToken() };
  await launcher.launch({ ...identity, name, world: 'flat_world', attempt: 1, env: {} });
  await launcher.recover({
    name,
    folder: `turk/7/${name}`,
    url: `s3://bucket/turk/7/${name}`,
    env: {},
    force: false,
  });
  expect(server.containers).toHaveLength(2);
  for (const { name: given, spec } of server.containers) {
    const { Env, ...rest } = spec;
    const own = Env.filter(pair => /proxy/i.test(pair));
    expect(own.sort()).toEqual(
      Object.entries(proxies)
        .map(pair => pair.join('='))
        .sort(),
    );
    expect(JSON.stringify({ given, rest })).not.toContain('topsecret');
  }
  const url = destination.kind === 's3' ? `s3://bucket/turk/7/${name}` : `file:///sessions/turk/7/${name}`;
  expect(server.containers[1]?.spec.Cmd).toEqual(['recover', url]);
});
