import { group, type VariableGroup } from './define.ts';

const AGENT_COMMAND =
  'python3 /droidlet/agents/craftassist/craftassist_agent.py --no_default_behavior --agent_debug_mode --log_level debug --dev';

const CUBERITE_HOME = '/droidlet/droidlet/lowlevel/minecraft/server';

/** Every variable that the supervisor reads, in the order in which a session meets them. */
export const VARIABLES = [
  group('The session', {
    TIMESTAMP: ['now, ISO 8601 in UTC', "the session's name, the last folder of its key"],
    SESSION_WORKDIR: [
      'the current directory',
      'where the children run and what is archived; created if missing',
    ],
    SESSION_SETUP_COMMAND: ['none', 'run to its end first, output to setup.log; a failure ends the session'],
    SESSION_AGENT_COMMAND: [
      AGENT_COMMAND,
      'the agent: words split as a shell splits them (quotes and backslashes, no shell), or a JSON array',
    ],
    SESSION_AGENT_PLAYERS: [
      '1',
      'how many of the players online are the agent, so that people can be counted',
    ],
    SESSION_LOG_LEVEL: ['info', 'trace, debug, info, warn, error, fatal or silent'],
    SESSION_ECHO: [
      'agent,server on a terminal, none elsewhere',
      'whose lines are also shown on the console: agent, server, setup, or none',
    ],
    SESSION_PASS_AWS: [
      'empty',
      'non-empty: children get the AWS_* variables; by default they get none of them',
    ],
    SESSION_CHILD_USER: [
      'none',
      'a name or uid[:gid] that children run as, and nothing else does: what is left of it at the end is killed',
    ],
    SESSION_REPORT_NAMES: ['empty', 'non-empty: the report names the players; names are personal data'],
  }),
  group('The server', {
    SESSION_SERVER_COMMAND: [
      'Cuberite, started directly',
      'another server: words, or a JSON array, as for the agent',
    ],
    SESSION_SERVER_ADDRESS: ['127.0.0.1:25565', 'where the server answers'],
    SESSION_SERVER_STOP_COMMAND: ['stop', "said on the server's stdin first; empty: not said"],
    SESSION_READY_TIMEOUT: ['60s', 'how long until it must answer a Server List Ping'],
    SESSION_LIVENESS_TIMEOUT: ['2m', 'a server that was ready and answers no ping for so long has hung'],
  }),
  group('Cuberite, when SESSION_SERVER_COMMAND is not set', {
    SESSION_CUBERITE_HOME: [
      CUBERITE_HOME,
      'holds cuberite/Server/Cuberite, cuberite_config/ and cuberite_plugins/',
    ],
    SESSION_CUBERITE_BINARY: ['<home>/cuberite/Server/Cuberite', 'the program'],
    SESSION_CUBERITE_CONFIG: ['flat_world', 'a folder of <home>/cuberite_config, or a path'],
    SESSION_CUBERITE_MODE: ['creative', 'creative or survival'],
    SESSION_CUBERITE_SEED: ['0', "the world's seed, a whole number"],
    SESSION_CUBERITE_PLUGINS: [
      'debug,chatlog,point_blocks,logging',
      "enabled plug-ins, out of <home>/cuberite_plugins or the configuration's own",
    ],
    SESSION_CUBERITE_WEBADMIN: ['empty', 'non-empty: the WebAdmin stays as the configuration has it'],
  }),
  group('The end', {
    SESSION_JOIN_TIMEOUT: [
      'off; 15m for Cuberite',
      'end when no person has joined for so long after the agent started',
    ],
    SESSION_EMPTY_TIMEOUT: ['off; 10s for Cuberite', 'end when the last person has been gone for so long'],
    SESSION_MAX_DURATION: [
      'off',
      'end after so long, with a warning in the game 5 minutes and 1 minute before',
    ],
    SESSION_STOP_GRACE: ['10s', 'how long a child has between being asked and being killed'],
    SESSION_STOP_TIMEOUT: ['30s', "ECS's stopTimeout: what is left from a SIGTERM to the SIGKILL"],
  }),
  group('The archive', {
    SESSION_DESTINATION: [
      'none: must be given, unless CRAFTASSIST_NO_UPLOAD is set',
      's3://bucket/prefix, file:///folder, or a path; one inside the working directory is left out of the archive',
    ],
    SESSION_FALLBACK_DESTINATION: ['none', 'tried when SESSION_DESTINATION has finally failed'],
    CRAFTASSIST_NO_UPLOAD: [
      'empty',
      'non-empty: the archive is written into the working directory and stays there',
    ],
    SESSION_ARCHIVE: ['logs.tar.gz', "the archive's name: it ends in .tar.gz, .tar.zst or .tar"],
    SESSION_GZIP_LEVEL: [
      '2-6',
      'bounds between which the level follows the bottleneck; a single number fixes it',
    ],
    SESSION_INCLUDE: ['everything', 'comma-separated globs: what is archived'],
    SESSION_EXCLUDE: ['nothing', 'comma-separated globs: what is not'],
    SESSION_SAVE_TIMEOUT: ['1h', 'how long saving may take when nothing presses'],
    SESSION_S3_PATH_STYLE: ['empty', 'non-empty: https://host/bucket/key, for S3-compatible stores'],
    SESSION_S3_SSE: ['none', 'server-side encryption: AES256, aws:kms or aws:kms:<key>'],
    SESSION_S3_EXPECTED_OWNER: ['none', 'the account that the bucket must belong to'],
  }),
  group('The journal', {
    SESSION_JOURNAL_INTERVAL: [
      '2s',
      'how often what has changed is shipped while the session runs; off: never',
    ],
    SESSION_JOURNAL_EXCLUDE: [
      'nothing',
      'comma-separated globs: what the archive holds and the journal does not',
    ],
  }),
] as const satisfies readonly VariableGroup[];

export const DEFAULTS = { agentCommand: AGENT_COMMAND, cuberiteHome: CUBERITE_HOME } as const;

export type VariableName = (typeof VARIABLES)[number]['variables'][number]['name'];

export const VARIABLE_NAMES: readonly VariableName[] = VARIABLES.flatMap(({ variables }) =>
  variables.map(({ name }) => name),
);
