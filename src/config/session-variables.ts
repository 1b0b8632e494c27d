import { LOG_LEVELS } from '../runtime/log.ts';
import { flag, optional, type VariableGroups, variable, variableByCase } from './define.ts';
import { destinationUrl } from './destination-url.ts';
import { DEFAULT_KEY, experimentId, keyTemplate } from './key-template.ts';
import { labels } from './labels.ts';
import { MONITORING_VARIABLES } from './monitoring.ts';
import { PROXY_VARIABLES } from './proxy.ts';
import * as values from './values.ts';

const session = {
  TIMESTAMP: optional(
    values.sessionName,
    'now, ISO 8601 in UTC',
    "the session's name; one that is taken gets .2, .3 and so on appended",
  ),
  SESSION_LABELS: optional(
    labels,
    'none',
    'what whoever launches the session says of it, for its report: a JSON object of up to 20 texts, as {"group": "b"}',
    { secret: true, acceptsQuotes: false },
  ),
  SESSION_WORKDIR: variable(
    values.path,
    '.',
    'where the children run and what is archived, seen from the current directory; created if missing',
  ),
  SESSION_SETUP_COMMAND: optional(
    values.command,
    'none',
    'runs to its end first, output to setup.log; a failure ends the session',
    { acceptsQuotes: true },
  ),
  SESSION_AGENT_COMMAND: variable(
    values.commandOrNone,
    'python3 /droidlet/agents/craftassist/craftassist_agent.py --no_default_behavior --agent_debug_mode --log_level debug --dev',
    'the agent: words split as a shell splits them (quotes and backslashes, no shell), or a JSON array; none: people play alone. By default in /fairo where the image has it there, and with --enable_timeline where the agent knows that',
    { acceptsQuotes: true },
  ),
  SESSION_AGENT_PLAYERS: variable(
    values.wholeNumber(0, 1_000),
    '1',
    'how many of the players online are the agent, where connections do not tell who is',
  ),
  SESSION_PRESENCE_PORTS: optional(
    values.ports,
    'the value of MCDASHBOARD_PORT, or none',
    'ports of the dashboard: who is connected to one for 30 seconds takes part, in the game or not',
  ),
  SESSION_LOG_LEVEL: variable(
    values.oneOf(LOG_LEVELS),
    'info',
    'trace, debug, info, warn, error, fatal or silent',
  ),
  SESSION_ECHO: variableByCase(
    values.namesOf(['agent', 'server', 'setup']),
    { usual: 'none', 'on a terminal': 'agent,server' },
    'child logs copied to stdout: agent, server, setup, or none',
  ),
  SESSION_PASS_AWS: flag('children get the AWS_* variables; by default they get none of them'),
  SESSION_CHILD_USER: optional(
    values.childUser,
    'none',
    'a name or uid[:gid] for the children alone: every process of this user is killed at the end',
  ),
  SESSION_REPORT_NAMES: flag('the report names the players; names are personal data'),
};

const server = {
  SESSION_SERVER_COMMAND: optional(
    values.command,
    'Cuberite, started directly',
    'another server: words, or a JSON array, as for the agent',
    { acceptsQuotes: true },
  ),
  SESSION_SERVER_ADDRESS: variable(values.address, '127.0.0.1:25565', 'where the server listens'),
  SESSION_SERVER_STOP_COMMAND: variable(
    values.consoleLine,
    'stop',
    'console command sent before SIGTERM; empty disables it',
    { acceptsEmpty: true },
  ),
  SESSION_READY_TIMEOUT: variable(
    values.positiveDuration,
    '60s',
    'time limit from its start until it answers a Server List Ping',
  ),
  SESSION_LIVENESS_TIMEOUT: variable(
    values.positiveDuration,
    '2m',
    'a server that was ready and has answered no ping for this long counts as hung; Cuberite, also one whose world stands still',
  ),
  SESSION_WORLD_SAVE_INTERVAL: variableByCase(
    values.durationOrOff,
    { usual: 'off', 'for Cuberite': '10s' },
    'how often the world is saved while somebody is in the game, at most once a second',
  ),
  SESSION_WORLD_SAVE_COMMAND: variable(
    values.consoleLine,
    'save-all',
    'console command that does so; Cuberite has a plug-in for it',
  ),
};

const cuberite = {
  SESSION_CUBERITE_HOME: variable(
    values.path,
    '/droidlet/droidlet/lowlevel/minecraft/server',
    'holds cuberite/Server/Cuberite, cuberite_config/ and cuberite_plugins/; by default in /fairo where the image has it there',
  ),
  SESSION_CUBERITE_BINARY: optional(values.path, '<home>/cuberite/Server/Cuberite', 'the program'),
  SESSION_CUBERITE_CONFIG: variable(
    values.path,
    'flat_world',
    'a folder of <home>/cuberite_config, or a path',
  ),
  SESSION_CUBERITE_MODE: variable(values.oneOf(['creative', 'survival']), 'creative', 'creative or survival'),
  SESSION_CUBERITE_SEED: variable(values.seed, '0', "the world's seed, a whole number"),
  SESSION_CUBERITE_PLUGINS: variable(
    values.names,
    'debug,chatlog,point_blocks,logging',
    "enabled plug-ins, out of <home>/cuberite_plugins or the configuration's own",
  ),
  SESSION_CUBERITE_WEBADMIN: flag('the WebAdmin stays as the configuration has it'),
};

const end = {
  // Cuberite's plug-ins used to end idle sessions, losing the world; the supervisor does it in their place.
  SESSION_JOIN_TIMEOUT: variableByCase(
    values.durationOrOff,
    { usual: 'off', 'for Cuberite': '15m' },
    'ends the session when no person has joined this long after the agent started',
  ),
  SESSION_EMPTY_TIMEOUT: variableByCase(
    values.durationOrOff,
    { usual: 'off', 'for Cuberite': '10s' },
    'ends the session when the last person left this long ago',
  ),
  SESSION_MAX_DURATION: variable(
    values.durationOrOff,
    'off',
    'ends the session after this long, with a warning in the game 5 minutes and 1 minute before',
  ),
  SESSION_STOP_GRACE: variable(values.duration, '10s', 'time from the first stop step to SIGKILL'),
  SESSION_SERVER_STOP_GRACE: optional(
    values.duration,
    'the value of SESSION_STOP_GRACE',
    'the same for the server, which saves its world meanwhile: Paper may need 60s',
  ),
  SESSION_STOP_TIMEOUT: variable(
    values.stopTimeout,
    '30s',
    "ECS stopTimeout: time from SIGTERM to the container's SIGKILL",
  ),
};

const archive = {
  SESSION_DESTINATION: optional(
    destinationUrl,
    'none: must be given, unless the script in RUN_SH_GZ_B64 says it, or CRAFTASSIST_NO_UPLOAD is set',
    's3://bucket/prefix, file:///folder, or a path; one inside the working directory is not archived',
  ),
  SESSION_FALLBACK_DESTINATION: optional(
    destinationUrl,
    'none',
    'tried when SESSION_DESTINATION has finally failed',
  ),
  SESSION_KEY: variable(
    keyTemplate,
    DEFAULT_KEY,
    "the archive's folder below the destination; a bracket drops out when its {experiment} is not known",
  ),
  TURK_EXPERIMENT_ID: optional(
    experimentId,
    'none',
    'the {experiment} of a session whose working directory has no turk_experiment_id.txt',
  ),
  CRAFTASSIST_NO_UPLOAD: flag('the archive is written into the working directory and stays there'),
  SESSION_ARCHIVE: variable(
    values.archive,
    'logs.tar.gz',
    "the archive's name: it ends in .tar.gz, .tar.zst or .tar",
  ),
  SESSION_GZIP_LEVEL: variable(values.gzipLevel, '2', 'compression level of gzip and zstd, 1 to 9'),
  SESSION_DEFLATE: variable(
    values.oneOf(['auto', 'isal', 'zlib']),
    'auto',
    'what compresses gzip: isal (ISA-L, in a process of its own), zlib, or auto: ISA-L where it is installed, for gzip levels 1 and 2 and all but small archives',
  ),
  SESSION_INCLUDE: optional(values.globs, 'everything', 'comma-separated globs: what is archived'),
  SESSION_EXCLUDE: optional(values.globs, 'nothing', 'comma-separated globs: what is not'),
  SESSION_SAVE_TIMEOUT: variable(
    values.positiveDuration,
    '1h',
    'time limit for saving without a stop request',
  ),
  SESSION_S3_PATH_STYLE: flag('https://host/bucket/key, for S3-compatible stores'),
  SESSION_S3_SSE: optional(
    values.encryption,
    'none',
    'server-side encryption: AES256, aws:kms or aws:kms:<key>',
  ),
  SESSION_S3_EXPECTED_OWNER: optional(values.account, 'none', 'the account that the bucket must belong to'),
  ...PROXY_VARIABLES,
};

const journal = {
  SESSION_JOURNAL_INTERVAL: variable(
    values.durationOrOff,
    '2s',
    'how often changes are uploaded while the session runs; off: no journal',
  ),
  SESSION_JOURNAL_EXCLUDE: optional(
    values.globs,
    'nothing',
    'comma-separated globs: what the archive holds and the journal does not',
  ),
};

/** Every variable that the supervisor reads. */
export const SESSION_VARIABLES = {
  ...session,
  ...server,
  ...cuberite,
  ...end,
  ...archive,
  ...journal,
  ...MONITORING_VARIABLES,
};

/** The same for help, in the order in which a session meets them. */
export const SESSION_GROUPS: VariableGroups = {
  'The session': session,
  'The server': server,
  'Cuberite, when SESSION_SERVER_COMMAND is not set': cuberite,
  'The end': end,
  'The archive': archive,
  'The journal': journal,
  Monitoring: MONITORING_VARIABLES,
};
