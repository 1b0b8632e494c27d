import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/define.ts';
import { parseServermgrConfig, type ServermgrContext } from '../../src/config/servermgr.ts';
import { SERVERMGR_VARIABLES } from '../../src/config/servermgr-variables.ts';
import { demoGame } from '../../src/servermgr/demo.ts';
import { overridesFaults } from '../../src/servermgr/launchers/ecs/overrides.ts';
import { runProgram } from '../servermgr/support/program.ts';

const here: ServermgrContext = { cwd: '/somewhere', demo: undefined };
const ON_ECS = {
  SERVERMGR_LAUNCHER: 'ecs',
  SERVERMGR_SECRET: 's'.repeat(32),
  SERVERMGR_ECS_SUBNETS: 'subnet-a, subnet-b',
  SERVERMGR_ECS_SECURITY_GROUPS: 'sg-1',
  SESSION_DESTINATION: 's3://craftassist/turk_interactions_with_agent',
};

const parse = (env: Record<string, string>, context = here) => parseServermgrConfig(env, context).config;

function faultsOf(env: Record<string, string>, context = here): readonly string[] {
  try {
    parse(env, context);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('with nothing set it runs sessions on this machine, for this machine alone, and keeps all below ./sessions', () => {
  const config = parse({});
  expect(config).toMatchObject({
    listen: { host: '127.0.0.1', port: 8080 },
    stateFolder: '/somewhere/sessions/.servermgr',
    adminToken: undefined,
    limits: { fleet: 4, launchTimeoutMs: 300_000, streams: 2_000 },
    trustedProxies: 0,
    launcher: { kind: 'local', ports: { first: 25_565, last: 25_664 }, gameHost: 'localhost' },
    session: { joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000, agentPlayers: 1, costPerHour: 0 },
  });
  expect(config.worlds.map(({ id }) => id)).toEqual(['flat_world', 'diverse_world']);
  expect(config.session.env.SESSION_DESTINATION).toBe('/somewhere/sessions');
});

test('where the demo’s packages are there, it runs the demo’s game, unless another server is named', () => {
  const withDemo = { ...here, demo: demoGame() };
  const demo = parse({}, withDemo);
  expect(demo.session.env.SESSION_SERVER_COMMAND).toMatch(/demo\/server\.ts","--port","\{port\}"/);
  expect(demo.worlds.map(({ id }) => id)).toEqual(['demo']);
  const other = parse({ SESSION_SERVER_COMMAND: 'my-server {port}' }, withDemo);
  expect(other.session.env.SESSION_SERVER_COMMAND).toBe('my-server {port}');
  expect(other.session.env.SESSION_AGENT_COMMAND).toBeUndefined();
});

test('on Heroku it takes the port that it is given, on all addresses, and trusts the one router', () => {
  expect(parse({ ...ON_ECS, PORT: '31337', DYNO: 'web.1' })).toMatchObject({
    listen: { host: '0.0.0.0', port: 31_337 },
    trustedProxies: 1,
  });
});

test('SESSION_… variables are handed on, and read where the pages need them', () => {
  const { session } = parse({
    ...{ SESSION_JOIN_TIMEOUT: '5m', SESSION_EMPTY_TIMEOUT: 'off', SESSION_MAX_DURATION: '1h' },
    ...{ SESSION_AGENT_PLAYERS: '2', SESSION_EXCLUDE: '*.tmp', SENTRY_DSN: 'https://sentry' },
    ...{ AWS_SECRET_ACCESS_KEY: 'key', SERVERMGR_SECRET: 's'.repeat(32) },
  });
  expect(session).toMatchObject({
    ...{ joinTimeoutMs: 300_000, emptyTimeoutMs: undefined, maxDurationMs: 3_600_000, agentPlayers: 2 },
    env: { SESSION_JOIN_TIMEOUT: '5m', SESSION_EXCLUDE: '*.tmp', SENTRY_DSN: 'https://sentry' },
  });
  expect(Object.keys(session.env).filter(name => /^(AWS|SERVERMGR)_/.test(name))).toEqual([]);
});

test('a dashboard is led to where its port is set, whatever runs the sessions', () => {
  const docker = { SERVERMGR_LAUNCHER: 'docker' };
  const set = { SERVERMGR_DASHBOARD_PORT: '80' };
  expect(parse({}).launcher).toMatchObject({ dashboard: false });
  expect(parse(set).launcher).toMatchObject({ dashboard: true });
  for (const env of [docker, ON_ECS]) {
    expect(parse(env).launcher).toMatchObject({ dashboardPort: undefined, gamePort: 25_565 });
    expect(parse({ ...env, ...set }).launcher).toMatchObject({ dashboardPort: 80 });
  }
});

test.each(['0', '65536', '-1', '80,81', 'http', '8000.5'])('a dashboard at port %s is refused', text => {
  expect(faultsOf({ SERVERMGR_DASHBOARD_PORT: text })).toEqual([
    `SERVERMGR_DASHBOARD_PORT "${text}" is not a whole number from 1 to 65535`,
  ]);
});

test('a dashboard that could never answer is refused: the sessions would all be stopped', () => {
  const atGame = /^SERVERMGR_DASHBOARD_PORT is 25565, where the game listens/;
  for (const env of [{ SERVERMGR_LAUNCHER: 'docker' }, ON_ECS]) {
    const faults = faultsOf({ ...env, SERVERMGR_DASHBOARD_PORT: '25565' });
    expect(faults).toEqual([expect.stringMatching(atGame)]);
  }
  const moved = { ...ON_ECS, SERVERMGR_ECS_GAME_PORT: '80', SERVERMGR_DASHBOARD_PORT: '80' };
  expect(faultsOf(moved)).toEqual([expect.stringContaining('is 80, where the game listens')]);

  const withDemo = { ...here, demo: demoGame() };
  const set = { SERVERMGR_DASHBOARD_PORT: '80' };
  expect(faultsOf(set, withDemo)).toEqual([expect.stringContaining("the demo's agent has no dashboard")]);
  for (const own of ['SESSION_AGENT_COMMAND', 'SESSION_SERVER_COMMAND'])
    expect(faultsOf({ ...set, [own]: 'my-own {port}' }, withDemo)).toEqual([]);
});

test('every fault is reported at once, each with its remedy, and no secret among them', () => {
  const faults = faultsOf({
    SERVERMGR_LAUNCHER: 'ecs',
    SERVERMGR_SECRET: 'tooshort',
    SERVERMGR_ADMIN_TOKEN: 'hunter2',
    SERVERMGR_LISTEN: '8080',
    SERVERMGR_FLEET_LIMIT: 'many',
    SERVERMGR_PORTS: '9-3',
    SERVERMGR_WORLDS: '[{"id":"Flat World","title":"x"}]',
    SERVERMGR_ECS_CAPACITY: 'SPOT',
    SESSION_DESTINATION: '/a/folder',
    SESSION_JOIN_TIMEOUT: 'soon',
  });
  const names = [
    ...['SERVERMGR_SECRET', 'SERVERMGR_ADMIN_TOKEN', 'SERVERMGR_LISTEN', 'SERVERMGR_FLEET_LIMIT'],
    ...['SERVERMGR_PORTS', 'SERVERMGR_WORLDS', 'SERVERMGR_ECS_CAPACITY', 'SERVERMGR_ECS_SUBNETS'],
    ...['SERVERMGR_ECS_SECURITY_GROUPS', 'SESSION_DESTINATION', 'SESSION_JOIN_TIMEOUT'],
  ];
  for (const name of names)
    expect(
      faults.filter(fault => fault.startsWith(`${name} `)),
      name,
    ).toHaveLength(1);
  expect(faults).toHaveLength(names.length);
  expect(faults.join('\n')).not.toMatch(/tooshort|hunter2/);
});

test.each([
  ['{', /is not JSON/],
  ['[]', /there must be one world at least/],
  ['[{"id":"a","title":"A"},{"id":"a","title":"B"}]', /two worlds have the same id/],
  ['[{"id":"a","title":""}]', /a title is not empty/],
  ['[{"id":"a","title":"A","env":{"PATH":"/tmp"}}]', /only SESSION_… variables may be set/],
])('worlds that are written as %s are refused', (text, fault) => {
  expect(faultsOf({ SERVERMGR_WORLDS: text })[0]).toMatch(fault);
});

const AGENTS = [
  { id: 'new_bot', title: 'New', env: { SESSION_AGENT_COMMAND: 'new', SESSION_EXCLUDES: '*.tmp' } },
];
const withImage = (image: string) => JSON.stringify(AGENTS.map(agent => ({ ...agent, image })));

test('there are no agents to choose from unless they are named; their variables are looked at as well', () => {
  expect(parse({}).agents).toEqual([]);
  const { config, notices } = parseServermgrConfig({ SERVERMGR_AGENTS: JSON.stringify(AGENTS) }, here);
  expect(config.agents).toEqual(AGENTS);
  expect(notices).toEqual(['SESSION_EXCLUDES is not a known variable: did you mean SESSION_EXCLUDE?']);
});

test.each([
  ['{', /is not JSON: write \[{"id": "new_bot"/],
  ['[]', /there must be one agent at least/],
  ['[{"id":"a","title":"A"},{"id":"a","title":"B"}]', /two agents have the same id/],
  ['[{"id":"a","title":"A","env":{"PATH":"/tmp"}}]', /only SESSION_… variables may be set/],
  ['[{"id":"a","title":"A","image":"a b"}]', /an image has a name without blanks/],
  [withImage('new-bot:3'), /has an image "new-bot:3" for "new_bot", and local runs processes without one/],
])('agents that are written as %s are refused', (text, fault) => {
  expect(faultsOf({ SERVERMGR_AGENTS: text })).toEqual([expect.stringMatching(fault)]);
});

test('an image is any for Docker, and for ECS a revision of a task definition', () => {
  const arn = 'arn:aws:ecs:us-east-1:123456789012:task-definition/new-bot:3';
  const onDocker = { SERVERMGR_LAUNCHER: 'docker' };
  for (const image of ['new-bot', 'registry.test:5000/new-bot@sha256:0f3a'])
    expect(parse({ ...onDocker, SERVERMGR_AGENTS: withImage(image) }).agents).toMatchObject([{ image }]);
  for (const image of ['new-bot:3', arn])
    expect(parse({ ...ON_ECS, SERVERMGR_AGENTS: withImage(image) }).agents).toMatchObject([{ image }]);
  for (const image of ['new-bot', 'new-bot:latest', 'registry.test/new-bot:3', arn.replace(':3', '')])
    expect(faultsOf({ ...ON_ECS, SERVERMGR_AGENTS: withImage(image) })).toEqual([
      expect.stringContaining('is no revision of a task definition: write family:revision, or its ARN'),
    ]);
});

const HOOK = { url: 'https://hooks.example/a', secret: `whsec_${Buffer.alloc(24).toString('base64')}` };

test('webhooks have a URL, a secret, and all events unless some are named', () => {
  const written = [HOOK, { ...HOOK, url: 'http://Hooks.Internal', events: ['session.lost'] }];
  const env = {
    SERVERMGR_WEBHOOKS: JSON.stringify(written),
    SERVERMGR_WEBHOOK_INTERNAL: 'hooks.internal, 10.0.0.0/8,::1',
  };
  const { endpoints, internal } = parse(env).webhooks;
  expect(endpoints.map(({ url, events }) => [url, events.length])).toEqual([
    ['https://hooks.example/a', 6],
    ['http://hooks.internal/', 1],
  ]);
  expect(internal).toEqual(['hooks.internal', '10.0.0.0/8', '::1']);
  expect(parse({}).webhooks).toEqual({ endpoints: [], internal: [] });
});

test.each([
  [[{ ...HOOK, url: 'ftp://hooks.example/' }], /fault at 0.url: a url begins with https:/],
  [[{ ...HOOK, url: 'https://hunter2@hooks.example/' }], /a url holds no user and no password/],
  [[{ ...HOOK, secret: 'hunter2' }], /a secret is whsec_ and 24 to 64 bytes/],
  [[{ ...HOOK, secret: `whsec_${Buffer.alloc(23).toString('base64')}` }], /24 to 64 bytes/],
  [[{ ...HOOK, secret: `whsec_${Buffer.alloc(65).toString('base64')}` }], /24 to 64 bytes/],
  [[{ ...HOOK, secret: `${HOOK.secret}!` }], /24 to 64 bytes/],
  [[{ ...HOOK, events: ['session.over'] }], /an event is not known: write some of session.started/],
  [[{ ...HOOK, events: [] }], /events is empty/],
  [[{ ...HOOK, event: 'session.lost' }], /fault at 0.event/],
  [[HOOK, HOOK], /two have the same url/],
])('webhooks that are written as %j are refused, and no secret is told', (written, fault) => {
  const faults = faultsOf({ SERVERMGR_WEBHOOKS: JSON.stringify(written) });
  expect(faults).toEqual([expect.stringMatching(fault)]);
  expect(faults.join()).not.toMatch(/hunter2|AAAA/);
});

test.each(['10.1', '10.0.0.0/33', 'http://a', 'a b', '1234', 'a..b'])('%s is no internal host', text => {
  expect(faultsOf({ SERVERMGR_WEBHOOK_INTERNAL: text })).toEqual([
    expect.stringContaining('is not a list of hosts: write names, addresses and networks'),
  ]);
});

test.each([
  'arn:aws:iam::123456789012:role/craftassist-recovery',
  'arn:aws-us-gov:iam::123456789012:role/study/craftassist-recovery',
])('recoveries on ECS run in the role %s', role => {
  const env = { ...ON_ECS, SERVERMGR_ECS_RECOVERY_ROLE: ` ${role} ` };
  expect(parse(env).launcher).toMatchObject({ recoveryRole: role });
});

test.each([
  'craftassist-recovery',
  'arn:aws:iam::ACCOUNT:role/craftassist-recovery',
  'arn:aws:iam::123456789012:user/craftassist-recovery',
  'arn:aws:iam::123456789012:role/',
])('%s is refused: it is the ARN of no role', text => {
  expect(faultsOf({ ...ON_ECS, SERVERMGR_ECS_RECOVERY_ROLE: text })).toEqual([
    `SERVERMGR_ECS_RECOVERY_ROLE "${text}" is not the ARN of a role: write arn:aws:iam::123456789012:role/craftassist-recovery`,
  ]);
});

test('an environment that is too long for ECS is found before the first launch', () => {
  const faultsWith = (length: number) =>
    overridesFaults(parse({ ...ON_ECS, SESSION_EXCLUDE: 'x'.repeat(length) }));
  expect(faultsWith(7_500)).toEqual([]);
  const faults = faultsWith(8_000);
  expect(faults).toHaveLength(2);
  expect(faults[0]).toMatch(
    /^the SESSION_… variables of world "flat_world" take 8\d\d\d characters of the 8192/,
  );
});

test('so is one that is too long with an agent’s variables', () => {
  const agent = { ...AGENTS[0], env: { SESSION_EXCLUDE: 'x'.repeat(8_000) } };
  const faults = overridesFaults(parse({ ...ON_ECS, SERVERMGR_AGENTS: JSON.stringify([agent]) }));
  expect(faults).toHaveLength(2);
  expect(faults[1]).toMatch(
    /^the SESSION_… variables of world "diverse_world" with the agent "new_bot" take 8\d\d\d/,
  );
});

test('names that are not known are reported, with the nearest that is known', () => {
  const { notices } = parseServermgrConfig(
    { SERVERMGR_FLEET_LIMITS: '3', SESSION_JOIN_TIMEOUTS: '5m', SESSION_JOIN_TIMEOUT: '5m' },
    here,
  );
  expect(notices).toEqual([
    'SERVERMGR_FLEET_LIMITS is not a known variable: did you mean SERVERMGR_FLEET_LIMIT?',
    'SESSION_JOIN_TIMEOUTS is not a known variable: did you mean SESSION_JOIN_TIMEOUT?',
  ]);
});

test('a list of sessions in a file is told of where several instances are usual, or the disk does not last', () => {
  const file = '/somewhere/sessions/.servermgr/servermgr.sqlite';
  const noticesOf = (env: Record<string, string>) => parseServermgrConfig(env, here).notices;
  const onDyno = { ...ON_ECS, DYNO: 'web.1' };
  expect(noticesOf(ON_ECS)).toEqual([
    `the list of sessions is kept in ${file}: run one instance, on a disk that lasts, or set DATABASE_URL to a Postgres ` +
      'that several share',
  ]);
  expect(noticesOf(onDyno)).toEqual([
    `the list of sessions is kept in ${file}, which Heroku deletes at each restart: run one dyno, or set DATABASE_URL ` +
      'by `heroku addons:create heroku-postgresql:essential-0`',
  ]);
  const shared = { DATABASE_URL: 'postgres://u:p@db.internal:5432/fleet' };
  for (const env of [
    {},
    { SERVERMGR_LAUNCHER: 'docker' },
    { ...ON_ECS, ...shared },
    { ...onDyno, ...shared },
  ])
    expect(noticesOf(env)).toEqual([]);
});

test.each([
  ['', {}, 'disable'],
  // Heroku's database takes nothing else than TLS, and its certificate is signed by nobody.
  ['', { DYNO: 'web.1' }, 'no-verify'],
  ['?sslmode=verify-full', { DYNO: 'web.1' }, 'verify-full'],
  ['?sslmode=require', {}, 'no-verify'],
  ['?sslmode=no-verify', {}, 'no-verify'],
  ['?sslmode=disable', { DYNO: 'web.1' }, 'disable'],
])('a database that ends in "%s" with %j is asked with TLS %s', (query, env, tls) => {
  const url = 'postgres://u:p@db.internal:5432/fleet';
  const { database } = parse({ ...env, DATABASE_URL: `${url}${query}` });
  expect(database).toEqual({ kind: 'postgres', url, tls });
});

test.each([
  ['mysql://u:hunter2@db/fleet', 'is not a database: write postgres://user:password@host:5432/database'],
  ['postgres://u:hunter2@db', 'is not a database: write postgres://user:password@host:5432/database'],
  ['postgres://u:hunter2@db/fleet?sslmode=verify-ca', 'has an unknown sslmode: write disable, require'],
])('the database %s is refused, and its password is not told', (url, why) => {
  const faults = faultsOf({ DATABASE_URL: url });
  expect(faults).toEqual([expect.stringContaining(why)]);
  expect(faults.join()).not.toContain('hunter2');
});

test('--help explains every variable', async () => {
  const { code, output } = await runProgram({}, '--help');
  expect(code).toBe(0);
  for (const name of Object.keys(SERVERMGR_VARIABLES)) expect(output).toContain(`  ${name}\n`);
});

test('with faults nothing is started, and the exit code is 64', async () => {
  const { code, output } = await runProgram({ SERVERMGR_LAUNCHER: 'cloud' });
  expect(code).toBe(64);
  expect(output).toContain('SERVERMGR_LAUNCHER "cloud" is not known: write one of local, docker, ecs');
  expect(output).toContain('Nothing was started.');
});
