import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { eventually } from '../support/eventually.ts';
import { type Docker, dockerAt } from './docker.ts';

export interface Engine extends AsyncDisposable {
  readonly docker: Docker;
  /** One line that names it, for people. */
  readonly about: string;
}

/** Images and build caches of our own engine stay here from one run to the next. */
const DATA_FOLDER = '/var/lib/craftassist-smoke';
const RUN_FOLDER = '/run/craftassist-smoke';
const PID_FILE = `${RUN_FOLDER}/dockerd.pid`;
const SOCKET = `unix://${RUN_FOLDER}/docker.sock`;

/** Uses the engine that answers, or starts one of its own, which ends with this program. */
export async function openEngine(): Promise<Engine> {
  const client = await findClient();
  const given = dockerAt(client, undefined);
  if (await answers(given)) {
    return {
      docker: given,
      about: `${client}, the engine that runs`,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const own = dockerAt(client, SOCKET);
  // One that answers there was left by a run that was killed: it is used again.
  if (!(await answers(own))) await startEngine(own);
  return { docker: own, about: `${client}, an engine of our own`, [Symbol.asyncDispose]: endEngine };
}

/** Clients from 23 on build by the plug-in buildx, which may be missing; those before have BuildKit in them. */
async function findClient(): Promise<string> {
  const given = process.env.DOCKER;
  const candidates = given === undefined || given === '' ? ['docker', '/usr/bin/docker'] : [given];
  for (const candidate of candidates) if (await canBuild(candidate)) return candidate;
  throw new Error(`no Docker client with BuildKit (${candidates.join(', ')}): sh scripts/install-docker.sh`);
}

async function canBuild(client: string): Promise<boolean> {
  const docker = dockerAt(client, undefined);
  const version = await attempt(docker('--version'));
  const major = Number(/version (\d+)\./.exec(version ?? '')?.[1]);
  return major < 23 || (await attempt(docker('buildx', 'version'))) !== undefined;
}

async function startEngine(docker: Docker): Promise<void> {
  await mkdir(RUN_FOLDER, { recursive: true });
  await using log = await open(`${RUN_FOLDER}/dockerd.log`, 'w');
  const options = {
    'data-root': DATA_FOLDER,
    'exec-root': `${RUN_FOLDER}/exec`,
    pidfile: PID_FILE,
    host: SOCKET,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  // A group of its own: a Ctrl-C here must not end it while containers run.
  const engine = spawn('/usr/sbin/dockerd', args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  let fault: unknown;
  engine.once('error', error => {
    fault = error;
  });
  await eventually(
    async () => {
      if (fault !== undefined || engine.exitCode !== null) return true;
      return answers(docker);
    },
    { timeoutMs: 60_000 },
  );
  if (fault !== undefined || engine.exitCode !== null)
    throw new Error(`dockerd has ended: see ${RUN_FOLDER}/dockerd.log`, { cause: fault });
  engine.unref();
}

/** Its mounts and processes end with it. */
async function endEngine(): Promise<void> {
  const pid = Number(await readFile(PID_FILE, 'utf8'));
  process.kill(pid, 'SIGTERM');
  await eventually(() => !existsSync(`/proc/${pid}`), { timeoutMs: 60_000 });
}

async function answers(docker: Docker): Promise<boolean> {
  return (await attempt(docker('version', '--format', '{{.Server.Version}}'))) !== undefined;
}

/** @returns undefined when it fails: what is tried next reports the reason. */
async function attempt<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch(() => undefined);
}
