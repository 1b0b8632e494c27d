import { resolve } from 'node:path';
import { closest, distance } from 'fastest-levenshtein';
import { LOG_LEVELS, type LogLevel } from '../runtime/log.ts';
import { parseDestinationUrl } from './destination-url.ts';
import type {
  DemoGame,
  LauncherSettings,
  ServermgrConfig,
  SessionSettings,
  World,
} from './servermgr-config.ts';
import * as values from './servermgr-values.ts';
import { VARIABLE_NAMES, type VariableName } from './servermgr-variables.ts';
import { ConfigError } from './session.ts';
import type { DestinationUrl, Environment } from './session-config.ts';
import { VARIABLE_NAMES as SESSION_VARIABLES } from './session-variables.ts';
import * as words from './values.ts';

export interface ServermgrSurroundings {
  readonly cwd: string;
  /** What the local launcher plays when no server is named; undefined: it cannot be played here. */
  readonly demo: DemoGame | undefined;
}

export interface ParsedServermgrConfig {
  readonly config: ServermgrConfig;
  readonly notices: readonly string[];
}

/**
 * Reads the whole environment into one frozen ManagerConfig; every default lives here. SERVERMGR_… is the manager's
 * own; SESSION_… is handed on to every session, and read here only where the manager has to know it too.
 * @throws {ConfigError} with every fault that there is.
 */
export function parseServermgrConfig(
  env: Environment,
  surroundings: ServermgrSurroundings,
): ParsedServermgrConfig {
  const reader = newReader(env);
  const { read, text } = reader;
  const kind = read('SERVERMGR_LAUNCHER', words.oneOf(['local', 'docker', 'ecs'] as const), 'local');
  const demo = kind === 'local' && !env.SESSION_SERVER_COMMAND ? surroundings.demo : undefined;
  const heroku = env.DYNO !== undefined;
  const stateFolder = resolve(surroundings.cwd, text('SERVERMGR_STATE') ?? 'sessions/.servermgr');
  const secret = read('SERVERMGR_SECRET', values.secret(32), undefined);
  if (kind === 'ecs' && text('SERVERMGR_SECRET') === undefined) {
    reader.faults.push(
      'SERVERMGR_SECRET is not set: instances on ECS share no folder; write what `openssl rand -hex 32` prints',
    );
  }

  const config: ServermgrConfig = {
    name: read('SERVERMGR_NAME', values.managerName, 'servermgr'),
    listen: read('SERVERMGR_LISTEN', words.address, reader.defaultListen()),
    secret,
    stateFolder,
    adminToken: read('SERVERMGR_ADMIN_TOKEN', values.secret(16), undefined),
    limits: {
      fleet: read('SERVERMGR_FLEET_LIMIT', words.wholeNumber(0, 10_000), kind === 'local' ? 4 : 20),
      launchTimeoutMs: read('SERVERMGR_LAUNCH_TIMEOUT', words.positiveDuration, 300_000),
      pressesPerAddress: read('SERVERMGR_PRESSES', words.wholeNumber(1, 1_000_000), 30),
      streams: read('SERVERMGR_STREAMS', words.wholeNumber(0, 100_000), 2_000),
      streamsPerAddress: read('SERVERMGR_STREAMS_PER_ADDRESS', words.wholeNumber(0, 100_000), 50),
    },
    trustedProxies: read('SERVERMGR_TRUSTED_PROXIES', words.wholeNumber(0, 10), heroku ? 1 : 0),
    worlds: read('SERVERMGR_WORLDS', values.worlds, demo === undefined ? DEFAULT_WORLDS : [demo.world]),
    session: sessionSettings(reader, surroundings, { demo, kind }),
    launcher: launcherSettings(reader, kind),
    logLevel: read('SERVERMGR_LOG_LEVEL', words.oneOf<LogLevel>(LOG_LEVELS), 'info'),
  };
  if (reader.faults.length > 0) throw new ConfigError(reader.faults);
  return { config, notices: notices(env, config.worlds) };
}

function sessionSettings(
  reader: Reader,
  { cwd }: ServermgrSurroundings,
  { demo, kind }: { demo: DemoGame | undefined; kind: LauncherSettings['kind'] },
): SessionSettings {
  const { env, read, readSession } = reader;
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith('SESSION_') && Boolean(entry[1]),
  );
  const fallback: DestinationUrl | undefined =
    kind === 'ecs' ? undefined : { kind: 'directory', path: resolve(cwd, 'sessions') };
  const destination = readSession('SESSION_DESTINATION', text => parseDestinationUrl(text, cwd), fallback);
  if (destination === undefined || (kind === 'ecs' && destination.kind !== 's3')) {
    reader.faults.push('SESSION_DESTINATION is no bucket: tasks on ECS save theirs at s3://bucket/prefix');
  }
  const place = destination ?? { kind: 'directory' as const, path: cwd };
  return {
    env: {
      // The countdowns on the pages follow these, so every session is told them.
      SESSION_JOIN_TIMEOUT: '15m',
      SESSION_EMPTY_TIMEOUT: '10s',
      ...(kind === 'ecs' ? {} : { SESSION_STOP_TIMEOUT: '120s' }),
      ...demo?.env,
      ...(env.SENTRY_DSN ? { SENTRY_DSN: env.SENTRY_DSN } : {}),
      ...Object.fromEntries(given),
      SESSION_DESTINATION: place.kind === 's3' ? ['s3:/', place.bucket, place.prefix].join('/') : place.path,
    },
    destination: place,
    joinTimeoutMs: readSession('SESSION_JOIN_TIMEOUT', words.durationOrOff, 900_000),
    emptyTimeoutMs: readSession('SESSION_EMPTY_TIMEOUT', words.durationOrOff, 10_000),
    maxDurationMs: readSession('SESSION_MAX_DURATION', words.durationOrOff, undefined),
    agentPlayers: readSession('SESSION_AGENT_PLAYERS', words.wholeNumber(0, 1_000), 1),
    pathStyle: Boolean(env.SESSION_S3_PATH_STYLE),
    costPerHour: read('SERVERMGR_SESSION_COST', values.dollars, kind === 'ecs' ? undefined : 0),
  };
}

const CHECKOUT_SUPERVISOR = resolve(import.meta.dirname, '../main.ts');

function launcherSettings({ faults, read, text }: Reader, kind: LauncherSettings['kind']): LauncherSettings {
  const ports = read('SERVERMGR_PORTS', values.portRange, { first: 25_565, last: 25_664 });
  const gameHost = text('SERVERMGR_GAME_HOST')?.trim() ?? 'localhost';
  switch (kind) {
    case 'local': {
      const supervisor = read('SERVERMGR_SUPERVISOR', words.command, [
        process.execPath,
        CHECKOUT_SUPERVISOR,
      ] as const);
      return { kind, supervisor, ports, gameHost };
    }
    case 'docker':
      return {
        kind,
        image: text('SERVERMGR_IMAGE')?.trim() ?? 'craftassist',
        ports,
        gameHost,
        pingHost: text('SERVERMGR_PING_HOST')?.trim() ?? '127.0.0.1',
      };
    case 'ecs': {
      for (const name of ['SERVERMGR_ECS_SUBNETS', 'SERVERMGR_ECS_SECURITY_GROUPS'] as const) {
        if (text(name) === undefined)
          faults.push(`${name} is not set: write ${name.endsWith('SUBNETS') ? 'subnet' : 'sg'}-…,…`);
      }
      return {
        kind,
        cluster: text('SERVERMGR_ECS_CLUSTER')?.trim() ?? 'craftassist',
        taskDefinition: text('SERVERMGR_ECS_TASK_DEFINITION')?.trim() ?? 'craftassist',
        container: text('SERVERMGR_ECS_CONTAINER')?.trim() ?? 'craftassist',
        recoveryRole: read('SERVERMGR_ECS_RECOVERY_ROLE', values.roleArn, undefined),
        subnets: read('SERVERMGR_ECS_SUBNETS', words.names, []),
        securityGroups: read('SERVERMGR_ECS_SECURITY_GROUPS', words.names, []),
        capacity: read('SERVERMGR_ECS_CAPACITY', values.capacities, ['FARGATE']),
        gamePort: read('SERVERMGR_ECS_GAME_PORT', words.wholeNumber(1, 65_535), 25_565),
      };
    }
    default:
      return kind satisfies never;
  }
}

/** What can be chosen when nothing is said. */
const DEFAULT_WORLDS: readonly World[] = [
  {
    id: 'flat_world',
    title: 'Flat world',
    text: 'Nothing but grass: room to build, and nothing in the way.',
    env: { SESSION_CUBERITE_CONFIG: 'flat_world' },
  },
  {
    id: 'diverse_world',
    title: 'Diverse world',
    text: 'Hills, trees and water: a landscape to explore together.',
    env: { SESSION_CUBERITE_CONFIG: 'diverse_world' },
  },
];

type Reader = ReturnType<typeof newReader>;

function newReader(env: Environment) {
  const faults: string[] = [];
  const text = (name: string) => (env[name]?.trim() ? env[name] : undefined);
  const readAny = <T, F>(name: string, parse: (text: string) => T, fallback: F): T | F => {
    const given = text(name);
    if (given === undefined) return fallback;
    try {
      return parse(given);
    } catch (error) {
      const shown = /SECRET|TOKEN/.test(name) ? '"********"' : JSON.stringify(given);
      faults.push(`${name} ${shown} ${(error as Error).message}`);
      return fallback;
    }
  };
  return {
    env,
    faults,
    text: (name: VariableName) => text(name),
    read: <T, F>(name: VariableName, parse: (text: string) => T, fallback: F) =>
      readAny(name, parse, fallback),
    readSession: <T, F>(name: (typeof SESSION_VARIABLES)[number], parse: (text: string) => T, fallback: F) =>
      readAny(name, parse, fallback),
    /** Heroku and its like give a port, and expect all addresses to be served. */
    defaultListen: () => {
      const port = readAny('PORT', words.wholeNumber(1, 65_535), undefined);
      return port === undefined ? { host: '127.0.0.1', port: 8_080 } : { host: '0.0.0.0', port };
    },
  };
}

function notices(env: Environment, worlds: readonly World[]): string[] {
  const own = Object.keys(env).filter(name => name.startsWith('SERVERMGR_'));
  const sessions = [...Object.keys(env), ...worlds.flatMap(world => Object.keys(world.env))].filter(name =>
    name.startsWith('SESSION_'),
  );
  return [...unknown(own, VARIABLE_NAMES), ...unknown(sessions, SESSION_VARIABLES)];
}

function unknown(given: readonly string[], known: readonly string[]): string[] {
  return [...new Set(given)]
    .filter(name => !known.includes(name))
    .map(name => {
      const near = closest(name, [...known]);
      const hint = distance(name, near) <= name.length / 3 ? `: did you mean ${near}?` : ': see --help';
      return `${name} is not a known variable${hint}`;
    });
}
