import { LOG_LEVELS } from '../runtime/log.ts';
import { optional, type VariableGroups, variable, variableByCase } from './define.ts';
import { destinationUrl } from './destination-url.ts';
import { PROXY_VARIABLES } from './proxy.ts';
import * as own from './servermgr-values.ts';
import { SESSION_VARIABLES } from './session-variables.ts';
import * as values from './values.ts';

const manager = {
  SERVERMGR_LAUNCHER: variable(
    values.oneOf(['local', 'docker', 'ecs']),
    'local',
    'where sessions run: local, docker or ecs',
  ),
  SERVERMGR_LISTEN: variable(values.address, '127.0.0.1:8080', 'where its pages are served'),
  PORT: optional(
    values.wholeNumber(1, 65_535),
    'none; Heroku sets it',
    'unless SERVERMGR_LISTEN is set, its pages are served at this port of all addresses',
  ),
  SERVERMGR_NAME: variable(
    own.managerName,
    'servermgr',
    'marks the sessions that it launches; managers of one name share them',
  ),
  SERVERMGR_SECRET: optional(
    own.secret(32),
    'made once, and kept in the state folder; must be given for ecs',
    'signs cookies: 32 characters at least, the same for every instance',
    { secret: true },
  ),
  SERVERMGR_STATE: variable(
    values.path,
    'sessions/.servermgr',
    'the folder of the database, of the secret, and of the local launcher',
  ),
  DATABASE_URL: optional(
    own.databaseUrl,
    'none: a SQLite file in the state folder, for one instance',
    'postgres://user:password@host/database, which several instances share; ?sslmode= disable, no-verify or verify-full',
    { secret: true },
  ),
  SERVERMGR_ADMIN_TOKEN: optional(
    own.secret(16),
    'none: there is no /admin',
    'the password of /admin (any user name), or its bearer token: 16 characters at least',
    { secret: true },
  ),
  SERVERMGR_METRICS_TOKEN: optional(
    own.secret(16),
    'none: there is no /metrics',
    'the bearer token of /metrics: 16 characters at least',
    { secret: true },
  ),
  SERVERMGR_WEBHOOKS: optional(
    own.webhooks,
    'none',
    'a JSON array of who is told what happens: [{"url", "secret": "whsec_…", "events": ["session.ended"]}]; all events, without `events`',
    { secret: true },
  ),
  SERVERMGR_WEBHOOK_INTERNAL: variable(
    own.hosts,
    '',
    'comma-separated: hosts, addresses or networks that webhooks may go to though they are internal, and by http://',
  ),
  SERVERMGR_WORLDS: optional(
    own.worlds,
    "flat_world and diverse_world; the demo's own world for local",
    'a JSON array of what can be chosen: [{"id", "title", "text", "env": {"SESSION_…": "…"}}]',
  ),
  SERVERMGR_AGENTS: optional(
    own.agents,
    'none: all sessions have the same',
    'a JSON array of agents that single sessions are launched with: [{"id", "title", "env": {"SESSION_AGENT_COMMAND": "…"}, "image"}]; image is one for docker, family:revision or an ARN for ecs',
  ),
  SERVERMGR_DASHBOARD_PORT: optional(
    values.wholeNumber(1, 65_535),
    'none: pages lead to no dashboard',
    "where the agent's dashboard listens in a session; local gives each one of SERVERMGR_PORTS instead",
  ),
  SERVERMGR_BASE_PATH: variable(
    own.basePath,
    '/',
    'the path that all its pages are below, e.g. /play, where a proxy serves other things beside it',
  ),
  SERVERMGR_TRUSTED_PROXIES: variableByCase(
    values.wholeNumber(0, 10),
    { usual: '0', 'on Heroku': '1' },
    'number of proxies in front of it whose X-Forwarded-For is trusted',
  ),
  SERVERMGR_LOG_LEVEL: variable(
    values.oneOf(LOG_LEVELS),
    'info',
    'trace, debug, info, warn, error, fatal or silent',
  ),
};

const limits = {
  SERVERMGR_FLEET_LIMIT: variableByCase(
    values.wholeNumber(0, 10_000),
    { usual: '20', 'for local': '4' },
    'how many sessions may run at once',
  ),
  SERVERMGR_LAUNCH_TIMEOUT: variable(
    values.positiveDuration,
    '5m',
    'time limit until a launch is ready; then it is stopped',
  ),
  SERVERMGR_MAX_AGE: variable(
    values.positiveDuration,
    '12h',
    'a session is stopped so long after its launch; its players are warned as SESSION_MAX_DURATION does',
  ),
  SERVERMGR_BUDGET_PER_DAY: optional(
    own.dollars,
    'none',
    'US dollars a day (UTC): a launch with which the sessions that run could exceed it, each until SERVERMGR_MAX_AGE, has to wait',
  ),
  SERVERMGR_SESSIONS_PER_NETWORK: optional(
    values.wholeNumber(1, 10_000),
    'three quarters of SERVERMGR_FLEET_LIMIT; all of it for local',
    'how many sessions of one network (an IPv4 address, or an IPv6 /64) may run at once',
  ),
  SERVERMGR_LAUNCHES_PER_DAY: variable(
    values.wholeNumber(1, 1_000_000),
    '200',
    'how many sessions one network may launch in a day',
  ),
  SERVERMGR_PRESSES: variable(
    values.wholeNumber(1, 1_000_000),
    '100',
    'launch requests that one network may send in ten minutes',
  ),
  SERVERMGR_STREAMS: variable(
    values.wholeNumber(0, 100_000),
    '2000',
    'how many event streams may be open; pages beyond refresh themselves',
  ),
  SERVERMGR_STREAMS_PER_ADDRESS: variable(
    values.wholeNumber(0, 100_000),
    '50',
    'how many of them may come from one address',
  ),
  SERVERMGR_SESSION_COST: optional(
    own.dollars,
    "from the task's size on ecs, else 0",
    'what one session costs an hour, in US dollars',
  ),
};

const studies = {
  SERVERMGR_PROLIFIC_TOKEN: optional(
    own.secret(16),
    'none: Prolific is not asked',
    "a token of Prolific's API: whether a submission is real, and whether its place was given back, is asked with it",
    { secret: true },
  ),
  SERVERMGR_PROLIFIC_URL: variable(own.origin, 'https://api.prolific.com', "where Prolific's API is"),
  SERVERMGR_MTURK_PARENTS: variable(
    own.httpsOrigins,
    'https://worker.mturk.com,https://workersandbox.mturk.com',
    'the sites in whose frames the pages of studies may lie, comma-separated',
  ),
  SERVERMGR_MTURK_FORMS: variable(
    own.httpsOrigins,
    'https://www.mturk.com,https://workersandbox.mturk.com,https://worker.mturk.com',
    'where results of MTurk may be sent, and where its browsers are led from there, comma-separated',
  ),
};

const onThisHost = {
  SERVERMGR_GAME_HOST: variable(values.word, 'localhost', 'the host that visitors connect to'),
  SERVERMGR_PORTS: variable(
    own.portRange,
    '25565-25664',
    'the ports that sessions get: one each, two with a dashboard',
  ),
  SERVERMGR_SUPERVISOR: optional(
    values.command,
    "this checkout's src/main.ts",
    'local: the command that runs a session, or with `recover <url>` recovers one',
    { acceptsQuotes: true },
  ),
  SERVERMGR_IMAGE: variable(values.word, 'craftassist', 'docker: the session image'),
  SERVERMGR_PING_HOST: variable(
    values.word,
    '127.0.0.1',
    "docker: where servermgr itself reaches the containers' ports",
  ),
};

const ecs = {
  SERVERMGR_ECS_CLUSTER: variable(values.word, 'craftassist', 'name or ARN of the cluster'),
  SERVERMGR_ECS_TASK_DEFINITION: variable(
    values.word,
    'craftassist',
    'family (its newest revision), family:revision, or ARN',
  ),
  SERVERMGR_ECS_CONTAINER: variable(values.word, 'craftassist', 'the container whose environment is set'),
  SERVERMGR_ECS_RECOVERY_ROLE: optional(
    own.roleArn,
    "none: the task definition's own role",
    'the ARN of the role that recoveries run in: it has to list and read the bucket',
  ),
  SERVERMGR_ECS_SUBNETS: optional(
    values.names,
    'none: must be given',
    'comma-separated; several lie in several zones',
  ),
  SERVERMGR_ECS_SECURITY_GROUPS: optional(
    values.names,
    'none: must be given',
    "comma-separated; they let the game port in, and the dashboard's",
  ),
  SERVERMGR_ECS_CAPACITY: variable(
    own.capacities,
    'FARGATE',
    'FARGATE, FARGATE_SPOT, or FARGATE_SPOT,FARGATE: tried in this order',
  ),
  SERVERMGR_ECS_GAME_PORT: variable(
    values.wholeNumber(1, 65_535),
    '25565',
    'where the game listens in a task',
  ),
};

const { SESSION_JOIN_TIMEOUT, SESSION_EMPTY_TIMEOUT, SESSION_STOP_TIMEOUT } = SESSION_VARIABLES;

/** Variables of sessions that servermgr reads as well. Its sessions end when nobody uses them, whatever they play. */
const sessions = {
  SESSION_DESTINATION: variable(
    destinationUrl,
    'sessions',
    'where sessions are saved, and reports and archives read; for ecs it must be s3://bucket/prefix',
  ),
  SESSION_JOIN_TIMEOUT: variable(
    SESSION_JOIN_TIMEOUT.schema,
    SESSION_JOIN_TIMEOUT.defaults['for Cuberite'],
    SESSION_JOIN_TIMEOUT.description,
  ),
  SESSION_EMPTY_TIMEOUT: variable(
    SESSION_EMPTY_TIMEOUT.schema,
    SESSION_EMPTY_TIMEOUT.defaults['for Cuberite'],
    SESSION_EMPTY_TIMEOUT.description,
  ),
  SESSION_MAX_DURATION: SESSION_VARIABLES.SESSION_MAX_DURATION,
  SESSION_STOP_TIMEOUT: variable(
    SESSION_STOP_TIMEOUT.schema,
    '120s',
    'local and docker: time from SIGTERM to SIGKILL; on ecs the task definition sets it',
  ),
  SESSION_AGENT_PLAYERS: SESSION_VARIABLES.SESSION_AGENT_PLAYERS,
  SESSION_S3_PATH_STYLE: SESSION_VARIABLES.SESSION_S3_PATH_STYLE,
  ...PROXY_VARIABLES,
};

/** Every variable that servermgr reads. */
export const SERVERMGR_VARIABLES = { ...manager, ...limits, ...studies, ...onThisHost, ...ecs, ...sessions };

/** The same for help. */
export const SERVERMGR_GROUPS: VariableGroups = {
  servermgr: manager,
  Limits: limits,
  Studies: studies,
  'Launchers local and docker': onThisHost,
  'Launcher ecs': ecs,
  'Sessions, which get every SESSION_… variable that is set': sessions,
};
