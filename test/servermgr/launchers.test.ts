import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { LocalSettings } from '../../src/config/servermgr-config.ts';
import { ping } from '../../src/minecraft/ping.ts';
import { openDocker } from '../../src/servermgr/launchers/docker/docker.ts';
import { createAddressLookup } from '../../src/servermgr/launchers/ecs/addresses.ts';
import { openEcs } from '../../src/servermgr/launchers/ecs/ecs.ts';
import { identityFields } from '../../src/servermgr/launchers/identity.ts';
import {
  isAlive,
  type Launcher,
  type LaunchRequest,
  type Session,
  STOP_REASONS,
} from '../../src/servermgr/launchers/launcher.ts';
import { openLocal } from '../../src/servermgr/launchers/local/local.ts';
import { randomToken } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { ecsSettings, startAwsServer } from './support/aws-server.ts';
import { environmentOf } from './support/aws-tasks.ts';
import { dockerSettings, startDockerServer } from './support/docker-server.ts';
import { newRequest as newPlainRequest } from './support/launch-request.ts';
import { environmentIn, portRange, programPath, removeSessions } from './support/manager.ts';

/** A launcher's outside world, as the contract's tests control it. */
interface LauncherFixture extends AsyncDisposable {
  /** A launcher as an instance has it; each call is another instance. @param dashboard whether sessions have one */
  open(dashboard?: boolean): Launcher;
  /** The session ends by itself, with that code. */
  end(session: Session, exitCode: number): Promise<void>;
  environment(session: Session): Promise<Record<string, string>>;
  /** What it was started of; undefined: a process of this machine is of no image. */
  imageOf(session: Session): string | undefined;
  /** The argument of the recovery of that session. */
  recovered(name: string): Promise<string | undefined>;
  recoveryEnvironment(name: string): Promise<Record<string, string>>;
}

/** With what a session is told of where it goes. */
function newRequest(changes: Partial<LaunchRequest> = {}): LaunchRequest {
  return newPlainRequest({ env: { SESSION_EXCLUDE: '*.tmp', SESSION_DESTINATION: 'archives' }, ...changes });
}

const SECRETS = {
  SERVERMGR_SECRET: 'the-secret',
  DATABASE_URL: 'postgres://me:the-password@db.test/sessions',
  SERVERMGR_ADMIN_TOKEN: 'the-token',
  AWS_SECRET_ACCESS_KEY: 'key',
};
/** In either case, as a network gives them. */
const PROXY = { HTTPS_PROXY: 'http://me:secret@proxy.test:3128', no_proxy: 'store.test' };
/** Of Docker's, and a task definition of a family of its own. */
const IMAGE = 'new-bot:3';
/** Where the dashboard listens in a container. */
const DASHBOARD_PORT = 80;
const patience = { timeoutMs: 5_000, signal: new AbortController().signal };

const fixtures: Record<Launcher['kind'], () => Promise<LauncherFixture>> = { local, docker, ecs };

describe.each(Object.entries(fixtures))('the launcher %s', (kind, createFixture) => {
  test('starts a session, lists it with all that it was started for, and tells where it answers', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const request = newRequest();
    expect(await launcher.launch(request)).toMatchObject({
      id: request.id,
      idempotencyKey: request.idempotencyKey,
    });
    const session = await running(launcher, request.id);
    expect(session).toMatchObject({ ...identityFields(request), attempt: 1 });
    expect(session.where).not.toBe('');
    const { pingAddress } = session.state;
    await eventually(() => ping(pingAddress, patience));
  });

  test('starts one session for one idempotency key, at once and again, in two instances', async () => {
    await using fixture = await createFixture();
    const [one, two] = [fixture.open(), fixture.open()];
    const idempotencyKey = randomToken();
    const requests = [1, 2, 3, 4].map(() => newRequest({ idempotencyKey }));
    const sessions = await Promise.all(
      requests.map((request, index) => (index % 2 === 0 ? one : two).launch(request)),
    );
    const again = await two.launch(newRequest({ idempotencyKey }));
    expect(new Set([...sessions, again].map(({ id }) => id)).size).toBe(1);
    expect(await one.list(patience.signal)).toHaveLength(1);
  });

  test('gives sessions addresses of their own', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const requests = [newRequest(), newRequest(), newRequest()];
    await Promise.all(requests.map(request => launcher.launch(request)));
    const sessions = await Promise.all(requests.map(({ id }) => running(launcher, id)));
    const addresses = sessions.map(({ state }) => `${state.pingAddress.host}:${state.pingAddress.port}`);
    expect(new Set(addresses).size).toBe(3);
  });

  test('gives each session a dashboard of its own if there is to be one, and tells it the port', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open(true);
    const requests = [newRequest(), newRequest()];
    await Promise.all(requests.map(request => launcher.launch(request)));
    const sessions = await Promise.all(requests.map(({ id }) => running(launcher, id)));
    const addresses = sessions.map(async session => {
      const { address, pingAddress, dashboard } = session.state;
      if (dashboard === undefined) throw new Error('it has no dashboard');
      const { host, port } = dashboard.probeAddress;
      expect([dashboard.address.host, host]).toEqual([address.host, pingAddress.host]);
      expect(port).not.toBe(pingAddress.port);
      expect((await eventually(() => fetch(`http://${host}:${port}`))).status).toBe(200);
      const { MCDASHBOARD_PORT } = await fixture.environment(session);
      // In a container it listens where all do, and Docker gives that a port of this machine.
      expect(Number(MCDASHBOARD_PORT)).toBe(kind === 'docker' ? DASHBOARD_PORT : port);
      return `${host}:${port}`;
    });
    expect(new Set(await Promise.all(addresses)).size).toBe(2);
    expect(await fixture.open(true).list(patience.signal)).toEqual(await launcher.list(patience.signal));
  });

  test('tells of no dashboard, and gives no port for one, where there is none', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const request = newRequest();
    await launcher.launch(request);
    const session = await running(launcher, request.id);
    expect(session.state.dashboard).toBeUndefined();
    expect(await fixture.environment(session)).not.toHaveProperty('MCDASHBOARD_PORT');
  });

  test('starts a session of its own image, where there are such, and once', async () => {
    await using fixture = await createFixture();
    const request = newRequest({ image: IMAGE });
    const launching = fixture.open().launch(request);
    if (kind === 'local') {
      await expect(launching).rejects.toThrow(`a process of this machine has no image: ${IMAGE}`);
      expect(await fixture.open().list(patience.signal)).toEqual([]);
      return;
    }
    await launching;
    await fixture.open().launch(request);
    const session = await running(fixture.open(), request.id);
    expect(fixture.imageOf(session)).toBe(IMAGE);
    expect(await fixture.open().list(patience.signal)).toHaveLength(1);
    const other = newRequest();
    await fixture.open().launch(other);
    expect(fixture.imageOf(await running(fixture.open(), other.id))).toMatch(/^craftassist(?::7)?$/);
  });

  test('gives a session its name and its environment, and none of the manager’s secrets', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const request = newRequest();
    await launcher.launch(request);
    const env = await fixture.environment(await running(launcher, request.id));
    expect(env).toMatchObject({ TIMESTAMP: request.name, SESSION_EXCLUDE: '*.tmp' });
    expect(JSON.stringify(env)).not.toMatch(/the-secret|the-token|the-password/);
    // What a task needs of its network is in the task definition: overrides are shown to whoever may look at tasks.
    if (kind === 'ecs') expect(JSON.stringify(env)).not.toContain('proxy.test');
    else expect(env).toMatchObject(PROXY);
    // A task has its role; a process of this machine may need the keys to save, and hands them to no child.
    if (kind === 'ecs') expect(Object.keys(env).filter(name => name.startsWith('AWS_'))).toEqual([]);
  });

  test.for(STOP_REASONS)('stops a session, keeps the reason (%s), and ignores a second stop', async why => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const request = newRequest();
    await launcher.launch(request);
    const session = await running(launcher, request.id);
    await launcher.stop(session, why);
    await launcher.stop(session, why === 'visitor' ? 'admin' : 'visitor');
    const state = await eventually(async () => {
      const [now] = await fixture.open().list(patience.signal);
      return now?.state.phase === 'ended' ? now.state : undefined;
    });
    expect(state?.stopped).toBe(why);
    await launcher.stop(session, 'admin');
  });

  test('tells that a session has ended by itself, and with which code', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const request = newRequest();
    await launcher.launch(request);
    await fixture.end(await running(launcher, request.id), 0);
    // A process is gone a moment before whoever has started it knows its code.
    await eventually(async () => {
      const [now] = await launcher.list(patience.signal);
      const end = { phase: 'ended', exitCode: 0, stopped: undefined, lackedCapacity: false };
      return expect(now?.state).toMatchObject(end) ?? true;
    });
  });

  test('knows everything after a restart: an instance that was just opened lists the same', async () => {
    await using fixture = await createFixture();
    const before = fixture.open();
    const request = newRequest();
    await before.launch(request);
    const session = await running(before, request.id);
    before.close();
    expect(await fixture.open().list(patience.signal)).toEqual([session]);
  });

  test('forgets nothing that is alive', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const request = newRequest();
    await launcher.launch(request);
    await launcher.remove(await running(launcher, request.id));
    expect((await launcher.list(patience.signal)).filter(isAlive)).toHaveLength(1);
  });

  test('starts a recovery, which is no session', async () => {
    await using fixture = await createFixture();
    const launcher = fixture.open();
    const { name } = newRequest();
    const url = `${await folderUrl(fixture)}/${encodeURI(name)}`;
    const env = { SESSION_S3_PATH_STYLE: '1' };
    await launcher.recover({ name, folder: name, url, env, force: false });
    expect(await eventually(() => fixture.recovered(name))).toContain(encodeURI(name));
    expect(await fixture.recoveryEnvironment(name)).toMatchObject(env);
    expect(await launcher.list(patience.signal)).toEqual([]);
  });
});

test('a container that is started again is a session that runs, and ends anew', async () => {
  await using fixture = await docker();
  const launcher = fixture.open();
  const request = newRequest();
  await launcher.launch(request);
  await fixture.end(await running(launcher, request.id), 12);
  const exitCode = async () => {
    const [session] = await launcher.list(patience.signal);
    return session?.state.phase === 'ended' ? session.state.exitCode : undefined;
  };
  expect(await exitCode()).toBe(12);
  await fixture.startAgain(request.id);
  await fixture.end(await running(launcher, request.id), 0);
  expect(await exitCode()).toBe(0);
});

type Running = Session & { readonly state: Extract<Session['state'], { phase: 'running' }> };

async function running(launcher: Launcher, id: string): Promise<Running> {
  return eventually(async () => {
    const session = (await launcher.list(patience.signal)).find(one => one.id === id);
    if (session?.state.phase !== 'running') throw new Error(`${id} is ${session?.state.phase}`);
    return { ...session, state: session.state };
  });
}

const folders = new WeakMap<LauncherFixture, string>();

async function folderUrl(fixture: LauncherFixture): Promise<string> {
  return folders.get(fixture) ?? 's3://bucket/sessions';
}

async function local(): Promise<LauncherFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'local-'));
  const settings: Omit<LocalSettings, 'dashboard'> = {
    kind: 'local',
    gameHost: 'localhost',
    supervisor: [process.execPath, programPath('supervisor.mjs')],
    ports: await portRange(10),
  };
  const fixture: LauncherFixture = {
    open: (dashboard = false) =>
      openLocal(
        { ...settings, dashboard },
        {
          name: 'tests',
          stateFolder: folder,
          env: { PATH: process.env.PATH, ...PROXY, ...SECRETS },
          log: pino({ level: 'silent' }),
        },
      ),
    async end({ idempotencyKey }) {
      await environmentIn(join(folder, 'tests', idempotencyKey, 'work'));
      await writeFile(join(folder, 'tests', idempotencyKey, 'work', 'end'), '');
    },
    environment: ({ idempotencyKey }) => environmentIn(join(folder, 'tests', idempotencyKey, 'work')),
    imageOf: () => undefined,
    async recovered(name) {
      return existsSync(join(folder, 'archives', name, 'recovered')) ? encodeURI(name) : undefined;
    },
    recoveryEnvironment: name => environmentIn(join(folder, 'archives', name)),
    [Symbol.asyncDispose]: () => removeSessions(folder, join(folder, 'tests')),
  };
  folders.set(fixture, `file://${join(folder, 'archives')}`);
  return fixture;
}

async function docker(): Promise<
  LauncherFixture & {
    /** As `docker start` does. */
    startAgain(id: string): Promise<void>;
  }
> {
  const server = await startDockerServer({ images: ['craftassist', IMAGE] });
  const settings = dockerSettings(await portRange(10));
  const containerOf = ({ id }: Pick<Session, 'id'>) => {
    const found = server.containers.find(({ spec }) => spec.Labels['craftassist.session'] === id);
    if (found === undefined) throw new Error(`no container of ${id}`);
    return found;
  };
  const recoveryOf = (name: string) =>
    server.containers.find(({ spec }) => spec.Labels['craftassist.recovery'] === name);
  const variablesOf = (container: ReturnType<typeof recoveryOf>) =>
    Object.fromEntries((container?.spec.Env ?? []).map(pair => pair.split(/=(.*)/s).slice(0, 2)));
  const client = new Docker({ socketPath: server.socketPath });
  return {
    async startAgain(id) {
      await client.getContainer(containerOf({ id }).id).start();
    },
    open: (dashboard = false) =>
      openDocker(dashboard ? { ...settings, dashboardPort: DASHBOARD_PORT } : settings, {
        docker: client,
        name: 'tests',
        destination: { kind: 's3', bucket: 'bucket', prefix: 'sessions' },
        env: { ...PROXY, ...SECRETS },
      }),
    end: async (session, exitCode) => server.end(containerOf(session), exitCode),
    environment: async session => variablesOf(containerOf(session)),
    imageOf: session => containerOf(session).spec.Image,
    recovered: async name => recoveryOf(name)?.spec.Cmd?.join(' '),
    recoveryEnvironment: async name => variablesOf(recoveryOf(name)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function ecs(): Promise<LauncherFixture> {
  const server = await startAwsServer();
  const settings = { ...ecsSettings(), gamePort: await server.tasks.playGame() };
  const dashboardPort = await server.tasks.playDashboard();
  const taskOf = ({ where }: Session) => {
    const found = server.tasks.all().find(({ task }) => task.taskArn === where);
    if (found === undefined) throw new Error(`no task ${where}`);
    return found.task;
  };
  return {
    open: (dashboard = false) => {
      const clients = server.clients();
      return openEcs(dashboard ? { ...settings, dashboardPort } : settings, {
        ...{ ecs: clients.ecs, name: 'tests', images: [IMAGE] },
        findAddresses: createAddressLookup(clients.ec2),
      });
    },
    end: async (session, exitCode) => server.tasks.end(taskOf(session), { exitCode }),
    environment: async session => environmentOf(taskOf(session)),
    imageOf: session => String(taskOf(session).request.taskDefinition),
    async recoveryEnvironment() {
      const [task] = server.tasks.all();
      if (task === undefined) throw new Error('there is no recovery');
      return environmentOf(task.task);
    },
    async recovered(name) {
      const run = server.requests.find(({ body }) => JSON.stringify(body).includes(encodeURI(name)));
      return run && JSON.stringify(run.body);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
