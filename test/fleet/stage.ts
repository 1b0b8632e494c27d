import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsProcess, startAwsProcess } from '../servermgr/support/aws-process.ts';
import { startPostgres } from '../servermgr/support/postgres.ts';
import { type Program, startProgram } from '../servermgr/support/program.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type StoreProcess, startStore } from './store.ts';
import { startViewers, type Viewers } from './viewers.ts';

export const INSTANCES = 3;
/** When a task that was just launched has an interface, and when its public address: it runs by then. */
export const INTERFACE_MS = 2_500;
export const ADDRESS_MS = 5_000;
const RUNNING_MS = 4_500;
const STOPPING_MS = 4_000;

const TOKEN = 'a-token-of-the-simulation';

export interface Stage extends AsyncDisposable {
  readonly aws: AwsProcess;
  readonly store: StoreProcess;
  readonly viewers: Viewers;
  readonly instances: readonly Program[];
  /** Asks an instance's API. @returns its answer */
  api<Answer>(instance: number, path: string, init?: RequestInit): Promise<Answer>;
}

/** A Postgres, a simulated AWS with so many tasks that run, a store, instances that share them, and viewers to be. */
export async function openStage(tasks: number): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'fleet-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = stack.use(await startPostgres());
  const store = stack.use(await startStore());
  const fare = {
    'interface-ms': INTERFACE_MS,
    'running-ms': RUNNING_MS,
    'address-ms': ADDRESS_MS,
    'stop-ms': STOPPING_MS,
    tasks,
  };
  const aws = stack.use(
    await startAwsProcess(Object.entries(fare).flatMap(([name, value]) => [`--${name}`, `${value}`])),
  );
  const viewers = stack.use(startViewers());
  const env = {
    ...s3Environment(store),
    ...{ AWS_ENDPOINT_URL: aws.url, SERVERMGR_ECS_GAME_PORT: `${aws.gamePort}` },
    ...{ DATABASE_URL: postgres.url, SERVERMGR_SECRET: 's'.repeat(32), SERVERMGR_ADMIN_TOKEN: TOKEN },
    ...{
      SERVERMGR_LAUNCHER: 'ecs',
      SERVERMGR_ECS_SUBNETS: 'subnet-a',
      SERVERMGR_ECS_SECURITY_GROUPS: 'sg-1',
    },
    ...{ SERVERMGR_FLEET_LIMIT: `${2 * tasks}`, SERVERMGR_STREAMS: `${2 * tasks}` },
    SERVERMGR_STREAMS_PER_ADDRESS: `${2 * tasks}`,
    ...(process.env.NODE_OPTIONS !== undefined && { NODE_OPTIONS: process.env.NODE_OPTIONS }),
  };
  const instances: Program[] = [];
  for (let count = 0; count < INSTANCES; count += 1) {
    instances.push(stack.use(await startProgram(env, folder)));
  }
  const owned = stack.move();
  return {
    ...{ aws, store, viewers, instances },
    async api<Answer>(instance: number, path: string, init: RequestInit = {}) {
      const headers = {
        authorization: `Bearer ${TOKEN}`,
        ...(init.body !== undefined && { 'content-type': 'application/json' }),
      };
      const response = await fetch(`${instances[instance]?.url}/api${path}`, { ...init, headers });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as Answer;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
