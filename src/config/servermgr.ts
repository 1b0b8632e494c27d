import { join, resolve } from 'node:path';
import {
  ConfigError,
  deepFreeze,
  type Parsed,
  readVariables,
  unknownVariables,
  type VariableReader,
} from './define.ts';
import { destinationText, resolveDestination } from './destination-url.ts';
import { proxyConfig, withProxyNames } from './proxy.ts';
import type {
  Agent,
  DatabaseSettings,
  DemoGame,
  LauncherSettings,
  ServermgrConfig,
  ServermgrLimits,
  SessionSettings,
  StudiesConfig,
  World,
} from './servermgr-config.ts';
import { isTaskDefinition } from './servermgr-values.ts';
import { SERVERMGR_VARIABLES } from './servermgr-variables.ts';
import type { Address, Environment } from './session-config.ts';
import { SESSION_VARIABLES } from './session-variables.ts';

/** What the environment does not say. */
export interface ServermgrContext {
  readonly cwd: string;
  /** What the local launcher runs when no server is named; undefined: it cannot run here. */
  readonly demo: DemoGame | undefined;
}

type Reader = VariableReader<typeof SERVERMGR_VARIABLES>;

/**
 * Reads the whole environment into one frozen configuration. SERVERMGR_… is servermgr's own; SESSION_… is handed on
 * to every session, and read here only where servermgr has to know it too.
 * @throws {ConfigError} with every fault that there is.
 */
export function parseServermgrConfig(env: Environment, context: ServermgrContext): Parsed<ServermgrConfig> {
  const reader = readVariables(SERVERMGR_VARIABLES, withProxyNames(env));
  const { faults, isSet, read } = reader;
  const launcher = launcherSettings(reader);
  const demo = launcher.kind === 'local' && !env.SESSION_SERVER_COMMAND ? context.demo : undefined;
  faults.push(...dashboardFaults(launcher, demo !== undefined && !env.SESSION_AGENT_COMMAND));
  if (launcher.kind === 'ecs' && !isSet('SERVERMGR_SECRET')) {
    faults.push(
      'SERVERMGR_SECRET is not set: instances on ECS share no folder; write what `openssl rand -hex 32` prints',
    );
  }
  const agents = (read('SERVERMGR_AGENTS') ?? []).map(agent => ({ ...agent, image: agent.image }));
  faults.push(...agents.flatMap(agent => imageFault(agent, launcher.kind) ?? []));
  const stateFolder = resolve(context.cwd, read('SERVERMGR_STATE'));
  const config: ServermgrConfig = {
    name: read('SERVERMGR_NAME'),
    listen: listenAddress(reader),
    secret: read('SERVERMGR_SECRET'),
    stateFolder,
    database: database(reader, env, join(stateFolder, `${read('SERVERMGR_NAME')}.sqlite`)),
    basePath: read('SERVERMGR_BASE_PATH'),
    adminToken: read('SERVERMGR_ADMIN_TOKEN'),
    metricsToken: read('SERVERMGR_METRICS_TOKEN'),
    webhooks: {
      endpoints: read('SERVERMGR_WEBHOOKS') ?? [],
      internal: read('SERVERMGR_WEBHOOK_INTERNAL'),
    },
    limits: limits(reader, launcher.kind),
    trustedProxies: read('SERVERMGR_TRUSTED_PROXIES', env.DYNO === undefined ? 'usual' : 'on Heroku'),
    worlds: read('SERVERMGR_WORLDS') ?? (demo === undefined ? DEFAULT_WORLDS : [demo.world]),
    studies: studiesConfig(reader),
    agents,
    session: sessionSettings(reader, env, { cwd: context.cwd, demo, launcher: launcher.kind }),
    launcher,
    proxy: proxyConfig({
      http: read('HTTP_PROXY'),
      https: read('HTTPS_PROXY'),
      except: read('NO_PROXY'),
    }),
    logLevel: read('SERVERMGR_LOG_LEVEL'),
  };
  if (faults.length > 0) throw new ConfigError(faults);
  return { config: deepFreeze(config), notices: notices(env, config) };
}

/** Heroku and its like give a port, and expect all addresses to be served. */
function listenAddress({ isSet, read }: Reader): Address {
  const port = read('PORT');
  return isSet('SERVERMGR_LISTEN') || port === undefined
    ? read('SERVERMGR_LISTEN')
    : { host: '0.0.0.0', port };
}

function limits({ read }: Reader, launcher: LauncherSettings['kind']): ServermgrLimits {
  const fleet = read('SERVERMGR_FLEET_LIMIT', launcher === 'local' ? 'for local' : 'usual');
  return {
    fleet,
    launchTimeoutMs: read('SERVERMGR_LAUNCH_TIMEOUT'),
    maxAgeMs: read('SERVERMGR_MAX_AGE'),
    budgetPerDay: read('SERVERMGR_BUDGET_PER_DAY'),
    sessionsPerNetwork: read('SERVERMGR_SESSIONS_PER_NETWORK') ?? networkShare(fleet, launcher),
    launchesPerDay: read('SERVERMGR_LAUNCHES_PER_DAY'),
    presses: read('SERVERMGR_PRESSES'),
    streams: read('SERVERMGR_STREAMS'),
    streamsPerAddress: read('SERVERMGR_STREAMS_PER_ADDRESS'),
  };
}

function studiesConfig({ read }: Reader): StudiesConfig {
  const token = read('SERVERMGR_PROLIFIC_TOKEN');
  return {
    prolific: token === undefined ? undefined : { token, url: read('SERVERMGR_PROLIFIC_URL') },
    mturk: { parents: read('SERVERMGR_MTURK_PARENTS'), forms: read('SERVERMGR_MTURK_FORMS') },
  };
}

/** Whoever plays on one machine is one network. */
function networkShare(fleet: number, launcher: LauncherSettings['kind']): number {
  return launcher === 'local' ? fleet : Math.ceil(fleet * 0.75);
}

/** Heroku's Postgres has a certificate of its own, which nobody can verify. */
function database({ read }: Reader, env: Environment, file: string): DatabaseSettings {
  const given = read('DATABASE_URL');
  if (given === undefined) return { kind: 'sqlite', file };
  const { url, tls = env.DYNO === undefined ? 'disable' : 'no-verify' } = given;
  return { kind: 'postgres', url, tls };
}

function sessionSettings(
  reader: Reader,
  env: Environment,
  { cwd, demo, launcher }: ServermgrContext & { readonly launcher: LauncherSettings['kind'] },
): SessionSettings {
  const { faults, read, text } = reader;
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith('SESSION_') && Boolean(entry[1]),
  );
  const destination = resolveDestination(read('SESSION_DESTINATION'), cwd);
  const maxDurationMs = maxDuration(reader);
  if (launcher === 'ecs' && destination.kind !== 's3') {
    faults.push('SESSION_DESTINATION is no bucket: tasks on ECS save theirs at s3://bucket/prefix');
  }
  return {
    env: {
      // The countdowns on the pages follow these, so every session gets them.
      SESSION_JOIN_TIMEOUT: text('SESSION_JOIN_TIMEOUT'),
      SESSION_EMPTY_TIMEOUT: text('SESSION_EMPTY_TIMEOUT'),
      ...(launcher === 'ecs' ? {} : { SESSION_STOP_TIMEOUT: text('SESSION_STOP_TIMEOUT') }),
      ...demo?.env,
      ...(env.SENTRY_DSN ? { SENTRY_DSN: env.SENTRY_DSN } : {}),
      ...Object.fromEntries(given),
      SESSION_DESTINATION: destinationText(destination),
      SESSION_MAX_DURATION: `${Math.ceil(maxDurationMs / 1_000)}s`,
    },
    destination,
    joinTimeoutMs: read('SESSION_JOIN_TIMEOUT'),
    emptyTimeoutMs: read('SESSION_EMPTY_TIMEOUT'),
    maxDurationMs,
    agentPlayers: read('SESSION_AGENT_PLAYERS'),
    pathStyle: read('SESSION_S3_PATH_STYLE'),
    costPerHour: read('SERVERMGR_SESSION_COST') ?? (launcher === 'ecs' ? undefined : 0),
  };
}

/**
 * A session that is given time until it is too old would be stopped in the middle of a sentence: it ends by itself
 * before, with a warning in the game, however long its launch has taken.
 */
function maxDuration({ read }: Reader): number {
  const maxAgeMs = read('SERVERMGR_MAX_AGE');
  const longest = Math.max(maxAgeMs - read('SERVERMGR_LAUNCH_TIMEOUT'), maxAgeMs / 2);
  return Math.min(read('SESSION_MAX_DURATION') ?? longest, longest);
}

/** Sessions whose dashboard cannot answer would all be stopped, since they are never ready. */
function dashboardFaults(launcher: LauncherSettings, playsDemo: boolean): string[] {
  if (launcher.kind === 'local') {
    return launcher.dashboard && playsDemo
      ? ["SERVERMGR_DASHBOARD_PORT is set, and the demo's agent has no dashboard: set SESSION_AGENT_COMMAND"]
      : [];
  }
  return launcher.dashboardPort === launcher.gamePort
    ? [
        `SERVERMGR_DASHBOARD_PORT is ${launcher.gamePort}, where the game listens: the dashboard's is usually 80`,
      ]
    : [];
}

function imageFault({ id, image }: Agent, launcher: LauncherSettings['kind']): string | undefined {
  if (image === undefined) return undefined;
  const named = `SERVERMGR_AGENTS has an image ${JSON.stringify(image)} for "${id}"`;
  if (launcher === 'local')
    return `${named}, and local runs processes without one: leave it out, or set SERVERMGR_LAUNCHER`;
  return launcher === 'docker' || isTaskDefinition(image)
    ? undefined
    : `${named}, which is no revision of a task definition: write family:revision, or its ARN`;
}

/** Where the image's server listens. */
const IMAGE_GAME_PORT = 25_565;
const CHECKOUT_SUPERVISOR = resolve(import.meta.dirname, '../main.ts');

function launcherSettings({ faults, isSet, read }: Reader): LauncherSettings {
  const kind = read('SERVERMGR_LAUNCHER');
  const ports = read('SERVERMGR_PORTS');
  const gameHost = read('SERVERMGR_GAME_HOST');
  const dashboardPort = read('SERVERMGR_DASHBOARD_PORT');
  switch (kind) {
    case 'local':
      return {
        kind,
        supervisor: read('SERVERMGR_SUPERVISOR') ?? [process.execPath, CHECKOUT_SUPERVISOR],
        ports,
        gameHost,
        dashboard: dashboardPort !== undefined,
      };
    case 'docker':
      return {
        kind,
        image: read('SERVERMGR_IMAGE'),
        ports,
        gameHost,
        gamePort: IMAGE_GAME_PORT,
        dashboardPort,
        pingHost: read('SERVERMGR_PING_HOST'),
      };
    case 'ecs':
      if (!isSet('SERVERMGR_ECS_SUBNETS')) faults.push('SERVERMGR_ECS_SUBNETS is not set: write subnet-…,…');
      if (!isSet('SERVERMGR_ECS_SECURITY_GROUPS'))
        faults.push('SERVERMGR_ECS_SECURITY_GROUPS is not set: write sg-…,…');
      return {
        kind,
        cluster: read('SERVERMGR_ECS_CLUSTER'),
        taskDefinition: read('SERVERMGR_ECS_TASK_DEFINITION'),
        container: read('SERVERMGR_ECS_CONTAINER'),
        recoveryRole: read('SERVERMGR_ECS_RECOVERY_ROLE'),
        subnets: read('SERVERMGR_ECS_SUBNETS') ?? [],
        securityGroups: read('SERVERMGR_ECS_SECURITY_GROUPS') ?? [],
        capacity: read('SERVERMGR_ECS_CAPACITY'),
        gamePort: read('SERVERMGR_ECS_GAME_PORT'),
        dashboardPort,
      };
    default:
      return kind satisfies never;
  }
}

const ORDERS = 'Tell the agent in the chat where to go, what to build, what to dig.';

/** What can be chosen by default: the image's worlds, and what its agent does in them. */
const DEFAULT_WORLDS: readonly World[] = [
  {
    id: 'flat_world',
    title: 'Flat world',
    text: `Nothing but grass: room to build, and nothing in the way. ${ORDERS}`,
    env: { SESSION_CUBERITE_CONFIG: 'flat_world' },
  },
  {
    id: 'diverse_world',
    title: 'Diverse world',
    text: `Hills, trees and water: a landscape to explore together. ${ORDERS}`,
    env: { SESSION_CUBERITE_CONFIG: 'diverse_world' },
  },
];

function notices(env: Environment, { worlds, agents, launcher, database }: ServermgrConfig): string[] {
  const given = Object.keys(env);
  const forSessions = [...given, ...[...worlds, ...agents].flatMap(each => Object.keys(each.env))];
  const named = (names: readonly string[], prefix: string) => names.filter(name => name.startsWith(prefix));
  return [
    ...unknownVariables(named(given, 'SERVERMGR_'), SERVERMGR_VARIABLES),
    ...unknownVariables(named(forSessions, 'SESSION_'), SESSION_VARIABLES),
    ...(database.kind === 'sqlite' ? fileNotices(env, launcher, database.file) : []),
  ];
}

/** Where several instances are usual, or a disk that does not last, a file may be a mistake. */
function fileNotices(env: Environment, { kind }: LauncherSettings, file: string): string[] {
  if (env.DYNO !== undefined) {
    return [
      `the list of sessions is kept in ${file}, which Heroku deletes at each restart: run one dyno, or set DATABASE_URL ` +
        'by `heroku addons:create heroku-postgresql:essential-0`',
    ];
  }
  return kind === 'ecs'
    ? [
        `the list of sessions is kept in ${file}: run one instance, on a disk that lasts, or set DATABASE_URL to a ` +
          'Postgres that several share',
      ]
    : [];
}
