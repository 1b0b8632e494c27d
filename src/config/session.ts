import { resolve } from 'node:path';
import { closest, distance } from 'fastest-levenshtein';
import { LOG_LEVELS } from '../runtime/log.ts';
import { childEnvironment } from './child-environment.ts';
import { parseDestinationUrl } from './destination-url.ts';
import type {
  DestinationUrl,
  Environment,
  LimitsConfig,
  ServerConfig,
  SessionConfig,
} from './session-config.ts';
import { DEFAULTS, VARIABLE_NAMES, type VariableName } from './session-variables.ts';
import * as values from './values.ts';

/** What the environment does not say. */
export interface Surroundings {
  readonly cwd: string;
  /** Whether a person is watching the console. */
  readonly terminal: boolean;
  readonly now: Date;
}

export interface ParsedConfig {
  readonly config: SessionConfig;
  /** Said once, at the start; nothing is wrong enough to stop for. */
  readonly notices: readonly string[];
}

/** Every fault of the configuration at once, each with its remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}`);
    this.faults = faults;
  }
}

/**
 * Reads the whole environment into one complete, frozen Config; every default lives here.
 * @throws {ConfigError} with every fault that there is, not only the first.
 */
export function parseConfig(env: Environment, surroundings: Surroundings): ParsedConfig {
  const reader = newReader(env);
  const { text, read, flag } = reader;

  const server = serverConfig(reader, surroundings);
  const { archiveName, codec } = read('SESSION_ARCHIVE', values.archive, values.archive('logs.tar.gz'));

  const workdir = resolve(surroundings.cwd, text('SESSION_WORKDIR') ?? '.');
  const placeFrom = (text: string) => parseDestinationUrl(text, surroundings.cwd);
  const config: SessionConfig = {
    timestamp:
      env.TIMESTAMP === undefined ? surroundings.now.toISOString() : reader.name('TIMESTAMP', env.TIMESTAMP),
    workdir,
    setupCommand: read('SESSION_SETUP_COMMAND', values.command, undefined),
    server,
    agent: {
      command: read('SESSION_AGENT_COMMAND', values.command, values.command(DEFAULTS.agentCommand)),
      players: read('SESSION_AGENT_PLAYERS', values.wholeNumber(0, 1_000), 1),
    },
    limits: limitsConfig(reader, server),
    stop: {
      graceMs: read('SESSION_STOP_GRACE', values.duration, 10_000),
      timeoutMs: read('SESSION_STOP_TIMEOUT', values.stopTimeout, 30_000),
    },
    save: {
      destination: destination(reader, workdir, placeFrom),
      fallback: flag('CRAFTASSIST_NO_UPLOAD')
        ? undefined
        : read('SESSION_FALLBACK_DESTINATION', placeFrom, undefined),
      timeoutMs: read('SESSION_SAVE_TIMEOUT', values.positiveDuration, 3_600_000),
      stallMs: 300_000,
      archiveName,
      codec,
      gzipLevel: read('SESSION_GZIP_LEVEL', values.levelBounds, { min: 2, max: 6 }),
      include: read('SESSION_INCLUDE', values.globs, []),
      exclude: read('SESSION_EXCLUDE', values.globs, []),
      s3: {
        pathStyle: flag('SESSION_S3_PATH_STYLE'),
        encryption: read('SESSION_S3_SSE', values.encryption, undefined),
        expectedOwner: read('SESSION_S3_EXPECTED_OWNER', values.account, undefined),
      },
    },
    journal: {
      intervalMs: read('SESSION_JOURNAL_INTERVAL', values.durationOrOff, 2_000),
      exclude: read('SESSION_JOURNAL_EXCLUDE', values.globs, []),
    },
    children: {
      env: childEnvironment(env, { passAws: flag('SESSION_PASS_AWS') }),
      user: read('SESSION_CHILD_USER', values.childUser, undefined),
      echo: echo(reader, surroundings),
    },
    reportNames: flag('SESSION_REPORT_NAMES'),
    logLevel: read('SESSION_LOG_LEVEL', values.oneOf(LOG_LEVELS), 'info'),
  };

  // A misspelt name is often why another one is missing: both are told together.
  if (reader.faults.length > 0) throw new ConfigError([...reader.faults, ...notices(env)]);
  return { config: deepFreeze(config), notices: notices(env) };
}

type Reader = ReturnType<typeof newReader>;

function newReader(env: Environment) {
  const faults: string[] = [];
  // Containers hand on variables that were never filled in: empty is as good as not set.
  const text = (name: VariableName) => (env[name]?.trim() ? env[name] : undefined);
  const attempt = <T, F>(
    name: VariableName,
    given: string,
    parse: (text: string) => T,
    fallback: F,
  ): T | F => {
    try {
      return parse(given);
    } catch (error) {
      faults.push(`${name} ${JSON.stringify(given)} ${(error as Error).message}`);
      return fallback;
    }
  };
  return {
    faults,
    text,
    flag: (name: VariableName) => Boolean(env[name]),
    read: <T, F>(name: VariableName, parse: (text: string) => T, fallback: F): T | F => {
      const given = text(name);
      return given === undefined ? fallback : attempt(name, given, parse, fallback);
    },
    name: (name: VariableName, given: string) => attempt(name, given, values.sessionName, given),
    stopCommand: () => {
      const given = env.SESSION_SERVER_STOP_COMMAND ?? 'stop';
      return given === ''
        ? undefined
        : attempt('SESSION_SERVER_STOP_COMMAND', given, values.consoleLine, 'stop');
    },
  };
}

function serverConfig(reader: Reader, { cwd }: Surroundings): ServerConfig {
  const { text, read, flag } = reader;
  const home = resolve(cwd, text('SESSION_CUBERITE_HOME') ?? DEFAULTS.cuberiteHome);
  const configName = text('SESSION_CUBERITE_CONFIG') ?? 'flat_world';
  const binary = text('SESSION_CUBERITE_BINARY');
  return {
    run:
      text('SESSION_SERVER_COMMAND') === undefined
        ? {
            kind: 'cuberite',
            home,
            binary: binary === undefined ? resolve(home, 'cuberite/Server/Cuberite') : resolve(cwd, binary),
            configFolder: configName.includes('/')
              ? resolve(cwd, configName)
              : resolve(home, 'cuberite_config', configName),
            mode: read('SESSION_CUBERITE_MODE', values.oneOf(['creative', 'survival']), 'creative'),
            seed: read('SESSION_CUBERITE_SEED', values.seed, '0'),
            plugins: read('SESSION_CUBERITE_PLUGINS', values.names, [
              'debug',
              'chatlog',
              'point_blocks',
              'logging',
            ]),
            webAdmin: flag('SESSION_CUBERITE_WEBADMIN'),
          }
        : { kind: 'command', command: read('SESSION_SERVER_COMMAND', values.command, ['']) },
    address: read('SESSION_SERVER_ADDRESS', values.address, { host: '127.0.0.1', port: 25_565 }),
    readyTimeoutMs: read('SESSION_READY_TIMEOUT', values.positiveDuration, 60_000),
    livenessTimeoutMs: read('SESSION_LIVENESS_TIMEOUT', values.positiveDuration, 120_000),
    stopCommand: reader.stopCommand(),
  };
}

/** Cuberite's plug-ins used to end idle sessions, losing the world; the supervisor does it in their place. */
function limitsConfig({ read }: Reader, server: ServerConfig): LimitsConfig {
  const cuberite = server.run.kind === 'cuberite';
  return {
    joinTimeoutMs: read('SESSION_JOIN_TIMEOUT', values.durationOrOff, cuberite ? 900_000 : undefined),
    emptyTimeoutMs: read('SESSION_EMPTY_TIMEOUT', values.durationOrOff, cuberite ? 10_000 : undefined),
    maxDurationMs: read('SESSION_MAX_DURATION', values.durationOrOff, undefined),
  };
}

function destination(
  { faults, flag, text, read }: Reader,
  workdir: string,
  placeFrom: (text: string) => DestinationUrl,
): DestinationUrl {
  const inside: DestinationUrl = { kind: 'inside', path: workdir };
  if (flag('CRAFTASSIST_NO_UPLOAD')) return inside;
  if (text('SESSION_DESTINATION') === undefined) {
    faults.push(
      'SESSION_DESTINATION is not set: write s3://bucket/prefix, file:///folder or a path, ' +
        'or set CRAFTASSIST_NO_UPLOAD=1 to keep the archive in the working directory',
    );
  }
  return read('SESSION_DESTINATION', placeFrom, inside);
}

function echo({ text, read }: Reader, { terminal }: Surroundings): SessionConfig['children']['echo'] {
  if (text('SESSION_ECHO')?.trim() === 'none') return [];
  return read(
    'SESSION_ECHO',
    values.namesOf(['agent', 'server', 'setup']),
    terminal ? ['agent', 'server'] : [],
  );
}

function notices(env: Environment): string[] {
  const unknown = Object.keys(env).filter(name => name.startsWith('SESSION_') && !isKnown(name));
  const found = unknown.map(name => {
    const near = closest(name, VARIABLE_NAMES as VariableName[]);
    const hint =
      distance(name, near) <= name.length / 3 ? `: did you mean ${near}?` : ': see --help for those that are';
    return `${name} is not a variable of the supervisor's${hint}`;
  });
  return env.RUN_SH_GZ_B64 === undefined
    ? found
    : [...found, 'RUN_SH_GZ_B64 is ignored: the supervisor does what that script did'];
}

function isKnown(name: string): name is VariableName {
  return (VARIABLE_NAMES as readonly string[]).includes(name);
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
