import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DockerSettings, PortRange } from '../../../src/config/servermgr-config.ts';
import { type StatusServer, serveStatus } from '../../support/status-server.ts';
import { servePage } from './page-server.ts';

/** A container as the stand-in keeps it. */
export interface FakeContainer {
  readonly id: string;
  name: string;
  readonly spec: ContainerSpec;
  /** In seconds. */
  created: number;
  state: 'created' | 'running' | 'exited';
  /** Those of this machine, by the container's own. */
  ports: ReadonlyMap<number, number>;
  exitCode: number;
  finishedAt: string;
  game: StatusServer | undefined;
  dashboard: Server | undefined;
  /** The signals that it has got. */
  readonly signals: string[];
  /** Those that end it. */
  endsOn: readonly string[];
}

interface ContainerSpec {
  readonly Image: string;
  readonly Env: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: {
    readonly AutoRemove?: boolean;
    readonly PortBindings?: Record<string, { HostPort: string }[]>;
    readonly Binds?: string[];
  };
}

export interface DockerServer extends AsyncDisposable {
  readonly socketPath: string;
  readonly containers: FakeContainer[];
  end(container: FakeContainer, exitCode: number): Promise<void>;
  /** The connection breaks at the next request of that kind, e.g. `start`. @param isDone whether the engine heard it */
  breakAt(verb: string, isDone: boolean): void;
  /** The next request of that kind is never answered. */
  stallAt(verb: string): void;
  refuseAt(verb: string, status: number, message: string): void;
}

const GAME_PORT = 25_565;

class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * A Docker engine as far as a launcher sees it, over a unix socket: names are given once, ports out of a range, and
 * a container that runs answers the Server List Ping on the game's port, and HTTP on another.
 * @see https://docs.docker.com/reference/api/engine/
 */
export async function startDockerServer({ images = ['craftassist'] } = {}): Promise<DockerServer> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-'));
  const socketPath = join(folder, 'docker.sock');
  const containers: FakeContainer[] = [];
  const faults = new Map<string, 'lost' | 'unanswered' | 'stalled' | Refusal>();
  const server = http.createServer((message, response) => void serve(message, response));
  server.listen(socketPath);
  await once(server, 'listening');

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await text(message);
    try {
      const url = new URL(message.url ?? '/', 'http://docker');
      const verb = url.pathname.split('/').at(-1) ?? '';
      const fault = faults.get(verb);
      faults.delete(verb);
      if (fault instanceof Refusal) throw fault;
      if (fault === 'stalled') return;
      if (fault === 'lost') return void message.socket.destroy();
      const body = await answer(message.method ?? '', url, sent);
      if (fault === 'unanswered') return void message.socket.destroy();
      response.writeHead(body === undefined ? 204 : 200, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: (error as Error).message }));
    }
  }

  async function answer(method: string, url: URL, sent: string): Promise<unknown> {
    const [, , which = '', verb = ''] = url.pathname.split('/');
    const query = url.searchParams;
    if (method === 'POST' && which === 'create') return create(query.get('name'), JSON.parse(sent));
    if (method === 'GET' && which === 'json') return list(JSON.parse(query.get('filters') ?? '{}'));
    const container = containers.find(({ id, name }) => id === which || name === which);
    if (container === undefined) throw new Refusal(404, `No such container: ${which}`);
    if (method === 'DELETE') return remove(container, query.get('force') !== null);
    switch (`${method} ${verb}`) {
      case 'POST start':
        return start(container);
      case 'GET json':
        return inspect(container);
      case 'POST rename':
        return rename(container, query.get('name') ?? '');
      case 'POST kill':
        return kill(container, query.get('signal') ?? 'SIGKILL');
      default:
        throw new Refusal(400, `not played: ${method} ${url.pathname}`);
    }
  }

  function create(name: string | null, spec: ContainerSpec): object {
    if (!images.includes(spec.Image)) throw new Refusal(404, `No such image: ${spec.Image}:latest`);
    const id = createHash('sha256').update(randomUUID()).digest('hex');
    const given = name ?? `nameless_${id.slice(0, 8)}`;
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(given))
      throw new Refusal(400, `Invalid container name (${given})`);
    refuseTaken(given);
    containers.push({
      ...{ id, name: given, spec, created: Math.floor(Date.now() / 1_000) },
      ...{ state: 'created', ports: new Map(), game: undefined, dashboard: undefined },
      ...{ exitCode: 0, finishedAt: '0001-01-01T00:00:00Z' },
      ...{ signals: [], endsOn: ['SIGTERM', 'SIGURG', 'SIGKILL'] },
    });
    return { Id: id, Warnings: [] };
  }

  function refuseTaken(name: string): void {
    if (containers.some(container => container.name === name))
      throw new Refusal(409, `Conflict. The container name "/${name}" is already in use`);
  }

  async function start(container: FakeContainer): Promise<void> {
    if (container.state === 'running') throw new Refusal(304, 'it is started already');
    const ports = new Map<number, number>();
    const taken = new Set(containers.flatMap(each => [...each.ports.values()]));
    for (const [exposed, [binding]] of Object.entries(container.spec.HostConfig.PortBindings ?? {})) {
      const [first = 0, last = first] = (binding?.HostPort ?? '').split('-').map(Number);
      let port = first;
      while (taken.has(port)) port += 1;
      if (port > last) throw new Refusal(500, 'driver failed: all ports are allocated');
      taken.add(port);
      ports.set(Number.parseInt(exposed, 10), port);
    }
    container.ports = ports;
    container.state = 'running';
    for (const [own, port] of ports) {
      if (own === GAME_PORT) container.game = await serveStatus({ online: () => 1 }, port);
      else container.dashboard = await servePage(port);
    }
    if (container.spec.Cmd !== undefined) await end(container, 0);
  }

  async function end(container: FakeContainer, exitCode: number): Promise<void> {
    await container.game?.close();
    container.dashboard?.close();
    Object.assign(container, {
      ...{ state: 'exited', exitCode, ports: new Map(), game: undefined, dashboard: undefined },
      finishedAt: new Date().toISOString(),
    });
  }

  function list({ label = [] }: { label?: string[] }): object[] {
    const found = containers.filter(({ spec }) =>
      label.every(each => {
        const [name = '', value] = each.split('=');
        return value === undefined ? name in spec.Labels : spec.Labels[name] === value;
      }),
    );
    return found.map(({ id, name, spec, created, state, ports }) => ({
      ...{ Id: id, Names: [`/${name}`], Labels: spec.Labels, State: state, Created: created },
      Ports: Array.from(ports, ([own, port]) => ({ PrivatePort: own, PublicPort: port, Type: 'tcp' })),
    }));
  }

  function inspect({ id, state, exitCode, finishedAt }: FakeContainer): object {
    const State = {
      Status: state,
      ExitCode: exitCode,
      FinishedAt: finishedAt,
      OOMKilled: exitCode === 137,
      Error: '',
    };
    return { Id: id, State };
  }

  function rename(container: FakeContainer, name: string): void {
    refuseTaken(name);
    container.name = name;
  }

  async function kill(container: FakeContainer, signal: string): Promise<void> {
    if (container.state !== 'running') throw new Refusal(409, `Container ${container.id} is not running`);
    container.signals.push(signal);
    if (container.endsOn.includes(signal)) await end(container, signal === 'SIGKILL' ? 137 : 0);
  }

  function remove(container: FakeContainer, force: boolean): void {
    if (container.state === 'running' && !force)
      throw new Refusal(409, 'You cannot remove a running container');
    containers.splice(containers.indexOf(container), 1);
  }

  return {
    socketPath,
    containers,
    end,
    breakAt: (verb, isDone) => void faults.set(verb, isDone ? 'unanswered' : 'lost'),
    stallAt: verb => void faults.set(verb, 'stalled'),
    refuseAt: (verb, status, message) => void faults.set(verb, new Refusal(status, message)),
    async [Symbol.asyncDispose]() {
      await Promise.all(containers.map(({ game }) => game?.close()));
      for (const { dashboard } of containers) dashboard?.close();
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a manager is told of that engine. */
export function dockerSettings(ports: PortRange): DockerSettings {
  return {
    kind: 'docker',
    image: 'craftassist',
    ports,
    gameHost: 'localhost',
    gamePort: GAME_PORT,
    dashboardPort: undefined,
    pingHost: '127.0.0.1',
  };
}
