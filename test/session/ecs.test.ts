/** @module-tag slow */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSessionFixture, program, readReport } from '../support/session.ts';

/** As the documentation of the task metadata endpoint shows it, in part. */
const TASK = {
  Cluster: 'craftassist',
  TaskARN: 'arn:aws:ecs:us-west-1:123456789012:task/craftassist/158d1c8083dd49d6b527399fd6414f5c',
  Family: 'craftassist',
  Revision: '26',
  DesiredStatus: 'RUNNING',
  KnownStatus: 'RUNNING',
  Limits: { CPU: 4, Memory: 16_384 },
  AvailabilityZone: 'us-west-1c',
  LaunchType: 'FARGATE',
  EphemeralStorageMetrics: { Utilized: 261, Reserved: 61_440 },
};

async function openMetadata(answer: string, status = 200) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    response.writeHead(status).end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v4/5fd9a1`,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('on ECS the report says where the session ran, and no child learns of it', async () => {
  await using metadata = await openMetadata(JSON.stringify(TASK));
  await using fixture = await openSessionFixture();
  const session = fixture.start({
    ECS_CONTAINER_METADATA_URI_V4: metadata.uri,
    SESSION_AGENT_COMMAND: program('agent-prints-environment'),
  });
  expect(await session.ended()).toMatchObject({ code: 0 });
  expect(metadata.paths).toEqual(['/v4/5fd9a1/task']);
  const { ecs } = await readReport(fixture.sessions);
  const { DesiredStatus, KnownStatus, ...told } = TASK;
  expect(ecs).toEqual(told);
  const given = JSON.parse(await readFile(join(fixture.workdir, 'environment.json'), 'utf8'));
  expect(Object.keys(given).filter(name => name.startsWith('ECS_'))).toEqual([]);
});

test.each([
  ['refuses', 'not now', 503],
  ['answers with something else', '{"Cluster": 7}', 200],
])('an endpoint that %s costs a line of the log, not the session', async (_, answer, status) => {
  await using metadata = await openMetadata(answer, status);
  await using fixture = await openSessionFixture();
  const session = fixture.start({ ECS_CONTAINER_METADATA_URI_V4: metadata.uri });
  expect(await session.ended()).toMatchObject({ code: 0 });
  expect(session.stdout()).toContain('"event":"ecs_metadata_unavailable"');
  expect((await readReport(fixture.sessions)).ecs).toBeUndefined();
});
