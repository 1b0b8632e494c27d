import { eventually } from '../support/eventually.ts';
import type { FaultRule } from '../support/s3-server.ts';
import type { Docker } from './docker.ts';
import { IMAGES } from './images.ts';

/** A network, a store and containers of one case's own, removed when it is disposed of. */
export interface ContainerFixture extends AsyncDisposable {
  /** Starts a container of the session image. @param options for `docker run`; @param command for the supervisor. */
  start(options: readonly string[], ...command: readonly string[]): Promise<ContainerSession>;
  /** The same, of another image. */
  startFrom(image: string, options: readonly string[]): Promise<ContainerSession>;
  readonly store: Store;
}

export interface ContainerSession {
  readonly name: string;
  log(): Promise<string>;
  /** Waits until its log holds a text. */
  logged(text: string): Promise<void>;
  /** The state of the image's health check: starting, healthy or unhealthy. */
  health(): Promise<string>;
  /** Runs a command inside, as root. */
  exec(...command: readonly string[]): Promise<string>;
  /** `docker stop -t`, as the platform would. */
  stop(timeoutS: number): Promise<void>;
  kill(): Promise<void>;
  ended(): Promise<Ended>;
}

export interface Ended {
  readonly code: number;
  /** The processes in the last sample while the supervisor ran, each as `state command`, with Z for a zombie. */
  readonly lastProcesses: readonly string[] | undefined;
}

export interface Store {
  setFaults(rules: readonly FaultRule[]): Promise<void>;
  state(): Promise<StoreState>;
  get(key: string): Promise<Buffer>;
}

export interface StoreState {
  readonly objects: readonly { readonly bucket: string; readonly key: string; readonly bytes: number }[];
  readonly uploads: readonly { readonly key: string }[];
}

/** How `ps` shows it. */
const SUPERVISOR = '/opt/craftassist-session/craftassist-session.mjs';

/** Where the image saves to by default. */
export const BUCKET = 'craftassist';

/** The first part of every container's and network's name, and their label: the next run removes what is left. */
const LABEL = 'craftassist-smoke';

export async function openFixture(docker: Docker, name: string): Promise<ContainerFixture> {
  const network = `${LABEL}-${name}`;
  await docker('network', 'create', '--label', LABEL, network);
  const store = await openStore(docker, network);
  let started = 0;
  async function start(image: string, options: readonly string[], command: readonly string[]) {
    started += 1;
    const container = `${network}-${started}`;
    const always = ['--detach', '--label', LABEL, '--network', network, '--name', container];
    await docker('run', ...always, ...options, image, ...command);
    // It ends with the container that it watches, which may have ended before.
    await docker('run', ...sharingProcessesOf(container), IMAGES.tools, '/watcher.mjs').catch(
      () => undefined,
    );
    return openSession(docker, container);
  }

  return {
    store,
    start: (options, ...command) => start(IMAGES.session, options, command),
    startFrom: (image, options) => start(image, options, []),
    [Symbol.asyncDispose]: () => removeAll(docker, network),
  };
}

/** Removes the containers and the networks of one case, or without a name, of all cases of all runs. */
export async function removeAll(docker: Docker, network?: string): Promise<void> {
  const filter = ['--filter', `label=${LABEL}`];
  const ofNetwork = network === undefined ? [] : ['--filter', `name=^${network}-`];
  const containers = await docker('ps', '--all', '--quiet', ...filter, ...ofNetwork);
  if (containers !== '') await docker('rm', '--force', '--volumes', ...containers.split('\n'));
  const networks = network ?? (await docker('network', 'ls', '--quiet', ...filter));
  if (networks !== '') await docker('network', 'rm', ...networks.split('\n'));
}

async function openStore(docker: Docker, network: string): Promise<Store> {
  const name = `${network}-s3`;
  const options = [
    '--label',
    LABEL,
    '--network',
    network,
    '--network-alias',
    's3',
    '--publish',
    '127.0.0.1::9000',
  ];
  const server = ['/s3.mjs', '--host=0.0.0.0', '--port=9000', '--bucket', BUCKET];
  await docker('run', '--detach', ...options, '--name', name, IMAGES.tools, ...server);
  const address = (await docker('port', name, '9000/tcp')).split('\n')[0];
  const request = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`http://${address}${path}`, init);
    if (!answer.ok) throw new Error(`the store answered ${answer.status} for ${path}`);
    return answer;
  };
  await eventually(() => request('/_state'));
  return {
    async setFaults(rules) {
      await request('/_faults', { method: 'PUT', body: JSON.stringify(rules) });
    },
    state: async () => (await request('/_state')).json() as Promise<StoreState>,
    get: async key => Buffer.from(await (await request(`/${BUCKET}/${encodeURI(key)}`)).arrayBuffer()),
  };
}

function openSession(docker: Docker, name: string): ContainerSession {
  const log = () => docker('logs', name);
  const hasEnded = async () => (await docker('inspect', '--format', '{{.State.Running}}', name)) === 'false';
  return {
    name,
    log,
    async logged(text) {
      await eventually(
        async () => {
          if ((await log()).includes(text)) return true;
          if (await hasEnded()) throw new Error(`it ended without logging ${text}:\n${await log()}`);
          return false;
        },
        { timeoutMs: 60_000 },
      );
    },
    health: () => docker('inspect', '--format', '{{.State.Health.Status}}', name),
    exec: (...command) => docker('exec', name, ...command),
    stop: async timeoutS => void (await docker('stop', '--time', `${timeoutS}`, name)),
    kill: async () => void (await docker('kill', '--signal', 'KILL', name)),
    async ended() {
      const code = Number(await docker('wait', name));
      return { code, lastProcesses: lastSample(await docker('logs', watcherOf(name)).catch(() => '')) };
    },
  };
}

/** A process that is ending has lost its arguments: the last sample is the last one that shows the supervisor's. */
function lastSample(samples: string): readonly string[] | undefined {
  const last = samples.split('\n').findLast(line => line.includes(SUPERVISOR) && line.endsWith(']'));
  return last === undefined ? undefined : JSON.parse(last);
}

const watcherOf = (container: string) => `${container}-watcher`;

/** A container that shares the processes of another one; Docker's own `top` shows no zombies. */
function sharingProcessesOf(container: string): string[] {
  return ['--detach', '--label', LABEL, '--name', watcherOf(container), '--pid', `container:${container}`];
}
