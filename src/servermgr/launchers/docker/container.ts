import type Docker from 'dockerode';
import { isProxyVariable } from '../../../config/proxy.ts';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import type { DestinationUrl } from '../../../config/session-config.ts';
import { identityKeys, writeIdentity } from '../identity.ts';
import { type LaunchRequest, type RecoverRequest, recoverArguments } from '../launcher.ts';

export interface DockerOptions {
  readonly docker: Docker;
  readonly name: string;
  readonly destination: DestinationUrl;
  /** The manager's own environment: a container gets its proxy, and its AWS_… variables if it saves to S3. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const LABELS = {
  ...identityKeys('craftassist.'),
  manager: 'craftassist.manager',
  recovery: 'craftassist.recovery',
} as const;

/** Where the image's server listens. */
const GAME_PORT = '25565/tcp';
/** Where a destination that is a folder of this host is mounted. */
const FOLDER = '/sessions';
/** How long `docker stop`, or Docker's own shutdown, waits for a session before SIGKILL. ECS's limit is the same. */
const STOP_TIMEOUT_S = 120;

/** The container of one session. */
export function containerSpec(
  request: LaunchRequest,
  { image, ports }: DockerSettings,
  options: DockerOptions,
): Docker.ContainerCreateOptions {
  return {
    name: `${options.name}-${request.idempotencyKey}`,
    Image: image,
    Env: environment({ ...request.env, TIMESTAMP: request.name }, options),
    Labels: { [LABELS.manager]: options.name, ...writeIdentity(request, LABELS) },
    StopTimeout: STOP_TIMEOUT_S,
    ExposedPorts: { [GAME_PORT]: {} },
    HostConfig: {
      // Docker assigns the first free port of a range.
      PortBindings: { [GAME_PORT]: [{ HostPort: `${ports.first}-${ports.last}` }] },
      Binds: binds(options),
    },
  };
}

/** A container that recovers one session, and is removed when it has ended. */
export function recoverySpec(
  request: RecoverRequest,
  { image }: DockerSettings,
  options: DockerOptions,
): Docker.ContainerCreateOptions {
  const { name, folder } = request;
  const url = options.destination.kind === 's3' ? request.url : `file://${FOLDER}/${encodeURI(folder)}`;
  return {
    Image: image,
    // The image's entrypoint is the supervisor.
    Cmd: recoverArguments({ ...request, url }),
    Env: environment({}, options),
    Labels: { [LABELS.manager]: options.name, [LABELS.recovery]: name },
    HostConfig: { AutoRemove: true, Binds: binds(options) },
  };
}

function environment(
  session: Readonly<Record<string, string>>,
  { destination, env }: DockerOptions,
): string[] {
  const needsAws = destination.kind === 's3';
  const own = Object.entries(env).filter(
    ([name, value]) =>
      value !== undefined && ((needsAws && name.startsWith('AWS_')) || isProxyVariable(name)),
  );
  const mounted = needsAws ? {} : { SESSION_DESTINATION: FOLDER };
  return Object.entries({ ...Object.fromEntries(own), ...session, ...mounted }).map(
    ([name, value]) => `${name}=${(value ?? '').replaceAll('{port}', '25565')}`,
  );
}

function binds({ destination }: DockerOptions): string[] {
  return destination.kind === 's3' ? [] : [`${destination.path}:${FOLDER}`];
}
