import { group } from './define.ts';

/** Every variable that the server manager reads for itself, as `--help` and docs/servermgr.md explain it. */
export const VARIABLES = [
  group('The manager', {
    SERVERMGR_LAUNCHER: ['local', 'where sessions are played: local, docker or ecs'],
    SERVERMGR_LISTEN: ['127.0.0.1:8080; 0.0.0.0:$PORT where PORT is set', 'where its pages are served'],
    SERVERMGR_NAME: ['servermgr', 'marks the sessions that it starts; managers of one name share a fleet'],
    SERVERMGR_SECRET: [
      'made once, and kept in the state folder; must be given for ecs',
      'signs cookies: 32 characters at least, the same for every instance',
    ],
    SERVERMGR_STATE: ['sessions/.servermgr', 'the folder of the local launcher, and of the secret'],
    SERVERMGR_ADMIN_TOKEN: [
      'none: there is no /admin',
      'the password of /admin (any user name), or its bearer token: 16 characters at least',
    ],
    SERVERMGR_WORLDS: [
      "flat_world and diverse_world; the demo's own world for local",
      'a JSON array of what can be chosen: [{"id", "title", "text", "env": {"SESSION_…": "…"}}]',
    ],
    SERVERMGR_TRUSTED_PROXIES: [
      '0; 1 on Heroku',
      'how many proxies in front of it are believed to tell the visitor’s address',
    ],
    SERVERMGR_LOG_LEVEL: ['info', 'trace, debug, info, warn, error, fatal or silent'],
  }),
  group('Limits', {
    SERVERMGR_FLEET_LIMIT: ['20; 4 for local', 'how many sessions may be alive at once'],
    SERVERMGR_LAUNCH_TIMEOUT: ['5m', 'a launch that has not become ready after so long is stopped'],
    SERVERMGR_PRESSES: ['30', 'how many presses of the button one address has in ten minutes'],
    SERVERMGR_STREAMS: ['2000', 'how many event streams may be open; pages beyond refresh themselves'],
    SERVERMGR_STREAMS_PER_ADDRESS: ['50', 'how many of them may come from one address'],
    SERVERMGR_SESSION_COST: [
      "from the task's size on ecs, else 0",
      'what one session costs an hour, in US dollars',
    ],
  }),
  group('Launchers local and docker', {
    SERVERMGR_GAME_HOST: ['localhost', 'the host that visitors are told to connect to'],
    SERVERMGR_PORTS: ['25565-25664', 'the ports that are given out'],
    SERVERMGR_SUPERVISOR: [
      "this checkout's src/main.ts",
      'local: the command that plays a session, or with `recover <url>` recovers one',
    ],
    SERVERMGR_IMAGE: ['craftassist', 'docker: the session image'],
    SERVERMGR_PING_HOST: ['127.0.0.1', "docker: where the manager itself reaches the containers' ports"],
  }),
  group('Launcher ecs', {
    SERVERMGR_ECS_CLUSTER: ['craftassist', 'name or ARN of the cluster'],
    SERVERMGR_ECS_TASK_DEFINITION: ['craftassist', 'family (its newest revision), family:revision, or ARN'],
    SERVERMGR_ECS_CONTAINER: ['craftassist', 'the container whose environment is set'],
    SERVERMGR_ECS_RECOVERY_ROLE: [
      "none: the task definition's own role",
      'the ARN of the role that recoveries run in: it has to list and read the bucket',
    ],
    SERVERMGR_ECS_SUBNETS: ['none: must be given', 'comma-separated; several lie in several zones'],
    SERVERMGR_ECS_SECURITY_GROUPS: ['none: must be given', 'comma-separated; they let the game port in'],
    SERVERMGR_ECS_CAPACITY: [
      'FARGATE',
      'FARGATE, FARGATE_SPOT, or FARGATE_SPOT,FARGATE: tried in this order',
    ],
    SERVERMGR_ECS_GAME_PORT: ['25565', 'where the game listens in a task'],
  }),
] as const;

export type VariableName = (typeof VARIABLES)[number]['variables'][number]['name'];

export const VARIABLE_NAMES: readonly VariableName[] = VARIABLES.flatMap(({ variables }) =>
  variables.map(({ name }) => name),
);
