import type Docker from 'dockerode';
import type { DockerSettings } from '../../../config/servermgr-config.ts';
import type { DestinationUrl } from '../../../config/session-config.ts';
import { type LaunchRequest, type RecoverRequest, recoverArguments } from '../launcher.ts';

export interface DockerSurroundings {
  readonly docker: Docker;
  readonly name: string;
  readonly destination: DestinationUrl;
  /** The manager's own environment: a container gets its AWS_… variables where it has to save at S3. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const LABELS = {
  manager: 'craftassist.manager',
  session: 'craftassist.session',
  press: 'craftassist.press',
  visitor: 'craftassist.visitor',
  world: 'craftassist.world',
  attempt: 'craftassist.attempt',
  recovery: 'craftassist.recovery',
} as const;

/** Where the image's game listens, and where it finds a destination that is a folder of this host. */
const GAME_PORT = '25565/tcp';
const FOLDER = '/sessions';
const STOP_TIMEOUT_S = 120;

/** The container of one session. A stop of Docker's own leaves it the time that it was promised. */
export function containerSpec(
  request: LaunchRequest,
  { image, ports }: DockerSettings,
  surroundings: DockerSurroundings,
): Docker.ContainerCreateOptions {
  const { id, press, visitor, world, attempt, name } = request;
  return {
    name: `${surroundings.name}-${press}`,
    Image: image,
    Env: environment({ ...request.env, TIMESTAMP: name }, surroundings),
    Labels: {
      [LABELS.manager]: surroundings.name,
      [LABELS.session]: id,
      [LABELS.press]: press,
      [LABELS.visitor]: visitor,
      [LABELS.world]: world,
      [LABELS.attempt]: String(attempt),
    },
    StopTimeout: STOP_TIMEOUT_S,
    ExposedPorts: { [GAME_PORT]: {} },
    HostConfig: {
      // Docker itself gives out the first free port of a range.
      PortBindings: { [GAME_PORT]: [{ HostPort: `${ports.first}-${ports.last}` }] },
      Binds: binds(surroundings),
    },
  };
}

/** A container that recovers one session, and is gone afterwards. */
export function recoverySpec(
  request: RecoverRequest,
  { image }: DockerSettings,
  surroundings: DockerSurroundings,
): Docker.ContainerCreateOptions {
  const { name } = request;
  const url = surroundings.destination.kind === 's3' ? request.url : `file://${FOLDER}/${encodeURI(name)}`;
  return {
    Image: image,
    // The image's entrypoint is the supervisor.
    Cmd: recoverArguments({ ...request, url }),
    Env: environment({}, surroundings),
    Labels: { [LABELS.manager]: surroundings.name, [LABELS.recovery]: name },
    HostConfig: { AutoRemove: true, Binds: binds(surroundings) },
  };
}

function environment(
  session: Readonly<Record<string, string>>,
  { destination, env }: DockerSurroundings,
): string[] {
  const needsAws = destination.kind === 's3';
  const aws = Object.entries(env).filter(([name]) => needsAws && name.startsWith('AWS_'));
  const place = needsAws ? {} : { SESSION_DESTINATION: FOLDER };
  return Object.entries({ ...Object.fromEntries(aws), ...session, ...place }).map(
    ([name, value]) => `${name}=${(value ?? '').replaceAll('{port}', '25565')}`,
  );
}

function binds({ destination }: DockerSurroundings): string[] {
  return destination.kind === 's3' ? [] : [`${destination.path}:${FOLDER}`];
}
