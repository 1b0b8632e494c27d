import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, test } from 'vitest';
import type { DockerSettings, LocalSettings } from '../../src/config/servermgr-config.ts';
import { ping } from '../../src/minecraft/ping.ts';
import { openDocker } from '../../src/servermgr/launchers/docker/docker.ts';
import { newAddressBook } from '../../src/servermgr/launchers/ecs/addresses.ts';
import { openEcs } from '../../src/servermgr/launchers/ecs/ecs.ts';
import {
  isAlive,
  type Launcher,
  type LaunchRequest,
  type Session,
} from '../../src/servermgr/launchers/launcher.ts';
import { openLocal } from '../../src/servermgr/launchers/local/local.ts';
import { nameOf, newId, randomToken } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { ecsSettings, startAwsServer } from './support/aws-server.ts';
import { environmentOf } from './support/aws-tasks.ts';
import { startDockerServer } from './support/docker-server.ts';
import { emptyHouse, environmentIn, portRange, programPath } from './support/manager.ts';

/** What the contract has to know of a home besides the contract. */
interface Home extends AsyncDisposable {
  /** A launcher as an instance has it; each call is another instance. */
  open(): Launcher;
  /** The session ends by itself, with that code. */
  end(session: Session, exitCode: number): Promise<void>;
  environment(session: Session): Promise<Record<string, string>>;
  /** What a recovery was told to recover. */
  recovered(name: string): Promise<string | undefined>;
}

const SECRETS = {
  SERVERMGR_SECRET: 'the-secret',
  SERVERMGR_ADMIN_TOKEN: 'the-token',
  AWS_SECRET_ACCESS_KEY: 'key',
};
const patience = { timeoutMs: 5_000, signal: new AbortController().signal };

const homes: Record<Launcher['kind'], () => Promise<Home>> = { local, docker, ecs };

describe.each(Object.entries(homes))('the launcher %s', (kind, openHome) => {
  test('starts a session, lists it with all that it was started for, and tells where it answers', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const request = newRequest();
    expect(await launcher.launch(request)).toMatchObject({ id: request.id, press: request.press });
    const session = await running(launcher, request.id);
    const { id, press, visitor, world } = request;
    expect(session).toMatchObject({ id, press, visitor, world, attempt: 1 });
    expect(session.where).not.toBe('');
    const { pingAddress } = session.state;
    await eventually(() => ping(pingAddress, patience));
  });

  test('starts one session for one press, at once and again, in two instances', async () => {
    await using home = await openHome();
    const [one, two] = [home.open(), home.open()];
    const press = randomToken();
    const requests = [1, 2, 3, 4].map(() => newRequest({ press }));
    const sessions = await Promise.all(
      requests.map((request, index) => (index % 2 === 0 ? one : two).launch(request)),
    );
    const again = await two.launch(newRequest({ press }));
    expect(new Set([...sessions, again].map(({ id }) => id)).size).toBe(1);
    expect(await one.list(patience.signal)).toHaveLength(1);
  });

  test('gives sessions addresses of their own', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const requests = [newRequest(), newRequest(), newRequest()];
    await Promise.all(requests.map(request => launcher.launch(request)));
    const sessions = await Promise.all(requests.map(({ id }) => running(launcher, id)));
    const addresses = sessions.map(({ state }) => `${state.pingAddress.host}:${state.pingAddress.port}`);
    expect(new Set(addresses).size).toBe(3);
  });

  test('gives a session its name and its environment, and none of the manager’s secrets', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const request = newRequest();
    await launcher.launch(request);
    const env = await home.environment(await running(launcher, request.id));
    expect(env).toMatchObject({ TIMESTAMP: request.name, SESSION_EXCLUDE: '*.tmp' });
    expect(JSON.stringify(env)).not.toMatch(/the-secret|the-token/);
    // A task has its role; a process of this machine may need the keys to save, and hands them to no child.
    if (kind === 'ecs') expect(Object.keys(env).filter(name => name.startsWith('AWS_'))).toEqual([]);
  });

  test('stops a session, remembers why, and takes a second stop for granted', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const request = newRequest();
    await launcher.launch(request);
    const session = await running(launcher, request.id);
    await launcher.stop(session, 'admin');
    await launcher.stop(session, 'visitor');
    const state = await eventually(async () => {
      const [now] = await home.open().list(patience.signal);
      return now?.state.phase === 'ended' ? now.state : undefined;
    });
    expect(state?.stopped).toBe('admin');
    await launcher.stop(session, 'admin');
  });

  test('tells that a session has ended by itself, and with which code', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const request = newRequest();
    await launcher.launch(request);
    await home.end(await running(launcher, request.id), 0);
    // A process is gone a moment before whoever has started it knows its code.
    await eventually(async () => {
      const [now] = await launcher.list(patience.signal);
      const end = { phase: 'ended', exitCode: 0, stopped: undefined, lackedCapacity: false };
      return expect(now?.state).toMatchObject(end) ?? true;
    });
  });

  test('knows everything after a restart: an instance that was just opened lists the same', async () => {
    await using home = await openHome();
    const before = home.open();
    const request = newRequest();
    await before.launch(request);
    const session = await running(before, request.id);
    before.close();
    expect(await home.open().list(patience.signal)).toEqual([session]);
  });

  test('forgets nothing that is alive', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const request = newRequest();
    await launcher.launch(request);
    await launcher.forget(await running(launcher, request.id));
    expect((await launcher.list(patience.signal)).filter(isAlive)).toHaveLength(1);
  });

  test('starts a recovery, which is no session', async () => {
    await using home = await openHome();
    const launcher = home.open();
    const { name } = newRequest();
    const url = `${await folderUrl(home)}/${encodeURI(name)}`;
    await launcher.recover({ name, url, force: false });
    expect(await eventually(() => home.recovered(name))).toContain(encodeURI(name));
    expect(await launcher.list(patience.signal)).toEqual([]);
  });
});

function newRequest(changes: Partial<LaunchRequest> = {}): LaunchRequest {
  const id = newId(Date.now());
  return {
    ...{ id, name: nameOf(id) ?? '', press: `p${randomToken().slice(1)}`, visitor: randomToken() },
    ...{
      world: 'flat_world',
      attempt: 1,
      env: { SESSION_EXCLUDE: '*.tmp', SESSION_DESTINATION: 'archives' },
    },
    ...changes,
  };
}

type Running = Session & { readonly state: Extract<Session['state'], { phase: 'running' }> };

async function running(launcher: Launcher, id: string): Promise<Running> {
  return eventually(async () => {
    const session = (await launcher.list(patience.signal)).find(one => one.id === id);
    if (session?.state.phase !== 'running') throw new Error(`${id} is ${session?.state.phase}`);
    return { ...session, state: session.state };
  });
}

const folders = new WeakMap<Home, string>();

async function folderUrl(home: Home): Promise<string> {
  return folders.get(home) ?? 's3://bucket/sessions';
}

async function local(): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'local-'));
  const settings: LocalSettings = {
    kind: 'local',
    gameHost: 'localhost',
    supervisor: [process.execPath, programPath('supervisor.mjs')],
    ports: await portRange(10),
  };
  const home: Home = {
    open: () =>
      openLocal(settings, {
        name: 'tests',
        stateFolder: folder,
        env: { PATH: process.env.PATH, ...SECRETS },
      }),
    async end({ press }) {
      await environmentIn(join(folder, 'tests', press, 'work'));
      await writeFile(join(folder, 'tests', press, 'work', 'end'), '');
    },
    environment: ({ press }) => environmentIn(join(folder, 'tests', press, 'work')),
    async recovered(name) {
      return existsSync(join(folder, 'archives', name, 'recovered')) ? encodeURI(name) : undefined;
    },
    [Symbol.asyncDispose]: () => emptyHouse(folder, join(folder, 'tests')),
  };
  folders.set(home, `file://${join(folder, 'archives')}`);
  return home;
}

async function docker(): Promise<Home> {
  const server = await startDockerServer();
  const settings: DockerSettings = {
    kind: 'docker',
    image: 'craftassist',
    gameHost: 'localhost',
    pingHost: '127.0.0.1',
    ports: await portRange(10),
  };
  const containerOf = ({ id }: Session) => {
    const found = server.containers.find(({ spec }) => spec.Labels['craftassist.session'] === id);
    if (found === undefined) throw new Error(`no container of ${id}`);
    return found;
  };
  return {
    open: () =>
      openDocker(settings, {
        docker: new Docker({ socketPath: server.socketPath }),
        name: 'tests',
        destination: { kind: 's3', bucket: 'bucket', prefix: 'sessions' },
        env: SECRETS,
      }),
    end: async (session, exitCode) => server.end(containerOf(session), exitCode),
    environment: async session =>
      Object.fromEntries(containerOf(session).spec.Env.map(pair => pair.split(/=(.*)/s).slice(0, 2))),
    recovered: async name =>
      server.containers.find(({ spec }) => spec.Labels['craftassist.recovery'] === name)?.spec.Cmd?.join(' '),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function ecs(): Promise<Home> {
  const server = await startAwsServer();
  const settings = { ...ecsSettings(), gamePort: await server.tasks.playGame() };
  const taskOf = ({ where }: Session) => {
    const found = server.tasks.all().find(({ task }) => task.taskArn === where);
    if (found === undefined) throw new Error(`no task ${where}`);
    return found.task;
  };
  return {
    open: () => {
      const clients = server.clients();
      return openEcs(settings, {
        ...{ ecs: clients.ecs, name: 'tests' },
        findAddresses: newAddressBook(clients.ec2),
      });
    },
    end: async (session, exitCode) => server.tasks.end(taskOf(session), { exitCode }),
    environment: async session => environmentOf(taskOf(session)),
    async recovered(name) {
      const run = server.requests.find(({ body }) => JSON.stringify(body).includes(encodeURI(name)));
      return run && JSON.stringify(run.body);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
