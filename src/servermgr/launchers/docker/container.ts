import type Docker from 'dockerode';
import { isProxyVariable } from '../../../config/proxy.ts';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import type { DestinationUrl } from '../../../config/session-config.ts';
import { stopTimeoutOf } from '../hang.ts';
import { identityKeys, writeIdentity } from '../identity.ts';
import {
  dashboardEnvironment,
  type LaunchRequest,
  type RecoverRequest,
  recoverArguments,
} from '../launcher.ts';

export interface DockerOptions {
  readonly docker: Docker;
  readonly name: string;
  readonly destination: DestinationUrl;
  /** The manager's own environment: a container gets its proxy, and its AWS_… variables if it saves to S3. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** See `HANG_MARGIN_MS`. */
  readonly hangMarginMs?: number;
  /** How long a launch waits for an engine that does not answer. */
  readonly answerMs?: number;
}

export const LABELS = {
  ...identityKeys('craftassist.'),
  manager: 'craftassist.manager',
  recovery: 'craftassist.recovery',
  /** In milliseconds. */
  stopTimeout: 'craftassist.stop-timeout',
} as const;

/** Where a destination that is a folder of this host is mounted. */
const FOLDER = '/sessions';

/** The container of one session. */
export function containerSpec(
  request: LaunchRequest,
  settings: DockerSettings,
  options: DockerOptions,
): Docker.ContainerCreateOptions {
  const { image, ports, gamePort, dashboardPort } = settings;
  const published = [gamePort, dashboardPort].filter(port => port !== undefined).map(port => `${port}/tcp`);
  const stopTimeoutMs = stopTimeoutOf(request.env);
  // Docker assigns the first free port of a range.
  const binding = { HostPort: `${ports.first}-${ports.last}` };
  return {
    name: `${options.name}-${request.idempotencyKey}`,
    Image: request.image ?? image,
    Env: environment(sessionEnvironment(request, settings), options),
    Labels: {
      [LABELS.manager]: options.name,
      [LABELS.stopTimeout]: String(stopTimeoutMs),
      ...writeIdentity(request, LABELS),
    },
    // How long `docker stop`, or Docker's own shutdown, waits before SIGKILL.
    StopTimeout: Math.ceil(stopTimeoutMs / 1_000),
    ExposedPorts: Object.fromEntries(published.map(port => [port, {}])),
    HostConfig: {
      PortBindings: Object.fromEntries(published.map(port => [port, [binding]])),
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
    Env: environment(request.env, options),
    Labels: { [LABELS.manager]: options.name, [LABELS.recovery]: name },
    HostConfig: { AutoRemove: true, Binds: binds(options) },
  };
}

function sessionEnvironment(
  { env, name }: LaunchRequest,
  { gamePort, dashboardPort }: DockerSettings,
): Record<string, string> {
  const filled = Object.entries(env).map(([key, value]) => [
    key,
    value.replaceAll('{port}', String(gamePort)),
  ]);
  return { ...Object.fromEntries(filled), ...dashboardEnvironment(dashboardPort), TIMESTAMP: name };
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
    ([name, value]) => `${name}=${value ?? ''}`,
  );
}

function binds({ destination }: DockerOptions): string[] {
  return destination.kind === 's3' ? [] : [`${destination.path}:${FOLDER}`];
}
