import { resolve } from 'node:path';
import * as v from 'valibot';
import { agentIn, type Checkout, pathIn, USUAL_CHECKOUT } from './checkout.ts';
import {
  ConfigError,
  deepFreeze,
  type Parsed,
  readVariables,
  unknownVariables,
  type VariableReader,
} from './define.ts';
import { readersNotice, resolveDestination } from './destination-url.ts';
import { LAUNCHER_SCRIPT, type LauncherScript, readLauncherScript } from './launcher-script.ts';
import { MONITORING_VARIABLES, monitoringConfig } from './monitoring.ts';
import { proxyConfig, withoutProxyCredentials, withProxyNames } from './proxy.ts';
import type {
  ChildrenConfig,
  CuberiteConfig,
  Environment,
  SaveConfig,
  ServerConfig,
  SessionConfig,
} from './session-config.ts';
import { SESSION_VARIABLES } from './session-variables.ts';
import { ports } from './values.ts';

/** What the environment does not say. */
interface SessionContext {
  readonly cwd: string;
  /** Whether a person is watching the console. */
  readonly terminal: boolean;
  readonly now: Date;
  /** Where the defaults lead to; by default the usual one. */
  readonly checkout?: Checkout;
}

type Reader = VariableReader<typeof SESSION_VARIABLES>;

/**
 * Reads the whole environment into one complete, frozen configuration.
 * @throws {ConfigError} with every fault that there is, not only the first.
 */
export function parseSessionConfig(env: Environment, context: SessionContext): Parsed<SessionConfig> {
  const script = readLauncherScript(env);
  const reader = readVariables(SESSION_VARIABLES, { ...withProxyNames(env), ...script.values });
  const { read } = reader;
  const graceMs = read('SESSION_STOP_GRACE');
  const server = serverConfig(reader, context, graceMs);
  const idleLimits = server.run.kind === 'cuberite' ? 'for Cuberite' : 'usual';
  const workdir = resolve(context.cwd, read('SESSION_WORKDIR'));
  const agentCommand = readAgentCommand(reader, context);
  const config: SessionConfig = {
    timestamp: read('TIMESTAMP') ?? context.now.toISOString(),
    labels: read('SESSION_LABELS'),
    workdir,
    setupCommand: read('SESSION_SETUP_COMMAND'),
    server,
    agent: {
      command: agentCommand,
      players: agentCommand === undefined ? 0 : read('SESSION_AGENT_PLAYERS'),
      dashboardPorts: read('SESSION_PRESENCE_PORTS') ?? dashboardPorts(env),
    },
    limits: {
      joinTimeoutMs: read('SESSION_JOIN_TIMEOUT', idleLimits),
      emptyTimeoutMs: read('SESSION_EMPTY_TIMEOUT', idleLimits),
      maxDurationMs: read('SESSION_MAX_DURATION'),
    },
    stop: { graceMs, timeoutMs: read('SESSION_STOP_TIMEOUT') },
    save: saveConfig(reader, context, workdir),
    journal: {
      intervalMs: read('SESSION_JOURNAL_INTERVAL'),
      exclude: read('SESSION_JOURNAL_EXCLUDE') ?? [],
    },
    monitoring: monitoringConfig(reader, server.address),
    children: childrenConfig(reader, context, env),
    reportNames: read('SESSION_REPORT_NAMES'),
    logLevel: read('SESSION_LOG_LEVEL'),
  };

  // A misspelt name is often why another one is missing: both are reported together.
  if (reader.faults.length > 0) throw new ConfigError([...reader.faults, ...notices(env, script)]);
  return {
    config: deepFreeze(config),
    notices: [...notices(env, script), ...destinationNotices(config.save)],
  };
}

function readAgentCommand({ read, isSet }: Reader, { checkout = USUAL_CHECKOUT }: SessionContext) {
  const command = read('SESSION_AGENT_COMMAND');
  return command === undefined || isSet('SESSION_AGENT_COMMAND') ? command : agentIn(checkout, command);
}

/** The agent's own variable: whether it is a port is for the agent to say. */
function dashboardPorts({ MCDASHBOARD_PORT: text }: Environment): readonly number[] {
  const parsed = v.safeParse(ports, text);
  return parsed.success ? parsed.output : [];
}

function serverConfig(reader: Reader, context: SessionContext, graceMs: number): ServerConfig {
  const { read } = reader;
  const command = read('SESSION_SERVER_COMMAND');
  const saveInterval = command === undefined ? 'for Cuberite' : 'usual';
  return {
    run: command === undefined ? cuberiteConfig(reader, context) : { kind: 'command', command },
    address: read('SESSION_SERVER_ADDRESS'),
    readyTimeoutMs: read('SESSION_READY_TIMEOUT'),
    livenessTimeoutMs: read('SESSION_LIVENESS_TIMEOUT'),
    stopCommand: read('SESSION_SERVER_STOP_COMMAND'),
    stopGraceMs: read('SESSION_SERVER_STOP_GRACE') ?? graceMs,
    worldSave: {
      intervalMs: read('SESSION_WORLD_SAVE_INTERVAL', saveInterval),
      command: read('SESSION_WORLD_SAVE_COMMAND'),
    },
  };
}

function cuberiteConfig(
  { read, isSet }: Reader,
  { cwd, checkout = USUAL_CHECKOUT }: SessionContext,
): CuberiteConfig {
  const said = read('SESSION_CUBERITE_HOME');
  const home = resolve(cwd, isSet('SESSION_CUBERITE_HOME') ? said : pathIn(checkout.root, said));
  const folder = read('SESSION_CUBERITE_CONFIG');
  return {
    kind: 'cuberite',
    home,
    binary: resolve(cwd, read('SESSION_CUBERITE_BINARY') ?? resolve(home, 'cuberite/Server/Cuberite')),
    configFolder: folder.includes('/') ? resolve(cwd, folder) : resolve(home, 'cuberite_config', folder),
    mode: read('SESSION_CUBERITE_MODE'),
    seed: read('SESSION_CUBERITE_SEED'),
    plugins: read('SESSION_CUBERITE_PLUGINS'),
    webAdmin: read('SESSION_CUBERITE_WEBADMIN'),
  };
}

/** An upload that has not moved for so long is started again. */
const STALL_MS = 300_000;

function saveConfig(reader: Reader, { cwd }: SessionContext, workdir: string): SaveConfig {
  const { read } = reader;
  return {
    ...destinations(reader, cwd, workdir),
    key: read('SESSION_KEY'),
    experiment: read('TURK_EXPERIMENT_ID'),
    timeoutMs: read('SESSION_SAVE_TIMEOUT'),
    stallMs: STALL_MS,
    ...read('SESSION_ARCHIVE'),
    gzipLevel: read('SESSION_GZIP_LEVEL'),
    deflate: read('SESSION_DEFLATE'),
    include: read('SESSION_INCLUDE') ?? [],
    exclude: read('SESSION_EXCLUDE') ?? [],
    s3: {
      pathStyle: read('SESSION_S3_PATH_STYLE'),
      encryption: read('SESSION_S3_SSE'),
      expectedOwner: read('SESSION_S3_EXPECTED_OWNER'),
      proxy: proxyConfig({
        http: read('HTTP_PROXY'),
        https: read('HTTPS_PROXY'),
        except: read('NO_PROXY'),
      }),
    },
  };
}

function destinations(
  { faults, isSet, read }: Reader,
  cwd: string,
  workdir: string,
): Pick<SaveConfig, 'destination' | 'fallback'> {
  const inside = { kind: 'inside', path: workdir } as const;
  if (read('CRAFTASSIST_NO_UPLOAD')) return { destination: inside, fallback: undefined };
  if (!isSet('SESSION_DESTINATION')) {
    faults.push(
      'SESSION_DESTINATION is not set: write s3://bucket/prefix, file:///folder or a path, ' +
        'or set CRAFTASSIST_NO_UPLOAD=1 to keep the archive in the working directory',
    );
  }
  const fallback = read('SESSION_FALLBACK_DESTINATION');
  return {
    destination: resolveDestination(read('SESSION_DESTINATION') ?? inside, cwd),
    fallback: fallback && resolveDestination(fallback, cwd),
  };
}

function childrenConfig({ read }: Reader, { terminal }: SessionContext, env: Environment): ChildrenConfig {
  return {
    env: childEnvironment(env, { passAws: read('SESSION_PASS_AWS') }),
    user: read('SESSION_CHILD_USER'),
    echo: read('SESSION_ECHO', terminal ? 'on a terminal' : 'usual'),
  };
}

/**
 * The environment that children get: everything but what belongs to the supervisor alone. Credentials in AWS_*
 * (task-role endpoints included) go on only when asked for; those of a proxy, the task's metadata endpoint and the old
 * launcher's script never do: no child reads that script, and there are such with keys in them. Nor does any child get
 * what would let it tell others how the session goes.
 */
function childEnvironment(env: Environment, { passAws }: { passAws: boolean }): Record<string, string> {
  const isForChildren = (name: string) =>
    name.startsWith('AWS_') ? passAws : !name.startsWith('ECS_') && !PRIVATE.has(name);
  const kept = Object.entries(env).flatMap(([name, text]) =>
    text !== undefined && isForChildren(name) ? [[name, withoutProxyCredentials(name, text)]] : [],
  );
  return { ...FOR_RUNTIMES, ...Object.fromEntries(kept) };
}

/** Python keeps what it prints to a file until it has 8 KiB of it, or ends by itself: a SIGTERM would lose the last lines. */
const FOR_RUNTIMES = { PYTHONUNBUFFERED: '1' };

/** NODE_* settings are meant for the supervisor's own Node, and would change an agent's or a plug-in's. */
const PRIVATE = new Set([
  ...Object.keys(MONITORING_VARIABLES),
  ...[LAUNCHER_SCRIPT, 'NODE_OPTIONS', 'NODE_COMPILE_CACHE', 'UV_THREADPOOL_SIZE'],
]);

function notices(env: Environment, script: LauncherScript): string[] {
  const found = unknownVariables(
    Object.keys(env).filter(name => name.startsWith('SESSION_')),
    SESSION_VARIABLES,
  );
  if (/-/.test(env.SESSION_GZIP_LEVEL ?? '')) {
    found.push(
      `SESSION_GZIP_LEVEL ${JSON.stringify(env.SESSION_GZIP_LEVEL)} is a range: its lower bound is used, as the level no longer changes; write one from 1 to 9`,
    );
  }
  return [...found, ...script.notices];
}

function destinationNotices({ destination, fallback }: SaveConfig): string[] {
  const found = [
    readersNotice('SESSION_DESTINATION', destination),
    fallback && readersNotice('SESSION_FALLBACK_DESTINATION', fallback),
  ];
  return found.filter(notice => notice !== undefined);
}
