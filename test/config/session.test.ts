import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/define.ts';
import { parseSessionConfig } from '../../src/config/session.ts';
import type { Environment } from '../../src/config/session-config.ts';
import { SESSION_VARIABLES } from '../../src/config/session-variables.ts';

const context = { cwd: '/played', terminal: false, now: new Date('2026-01-31T12:00:00Z') };

function config(env: Environment) {
  return parseSessionConfig({ SESSION_DESTINATION: 's3://bucket/prefix', ...env }, context).config;
}

function faults(env: Environment): readonly string[] {
  try {
    parseSessionConfig({ SESSION_DESTINATION: 's3://bucket/prefix', ...env }, context);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('the defaults', () => {
  test('name the session after the moment, in the current directory', () => {
    expect(config({})).toMatchObject({ timestamp: '2026-01-31T12:00:00.000Z', workdir: '/played' });
  });

  test('are those of the table', () => {
    expect(config({ SESSION_SERVER_COMMAND: 'server' })).toMatchObject({
      setupCommand: undefined,
      server: {
        address: { host: '127.0.0.1', port: 25_565 },
        readyTimeoutMs: 60_000,
        livenessTimeoutMs: 120_000,
        stopCommand: 'stop',
        stopGraceMs: 10_000,
        worldSave: { intervalMs: undefined, command: 'save-all' },
      },
      agent: { players: 1 },
      limits: { joinTimeoutMs: undefined, emptyTimeoutMs: undefined, maxDurationMs: undefined },
      stop: { graceMs: 10_000, timeoutMs: 30_000 },
      save: {
        destination: { kind: 's3', bucket: 'bucket', prefix: 'prefix' },
        fallback: undefined,
        timeoutMs: 3_600_000,
        stallMs: 300_000,
        archiveName: 'logs.tar.gz',
        codec: 'gzip',
        gzipLevel: 2,
        include: [],
        exclude: [],
        s3: { pathStyle: false, encryption: undefined, expectedOwner: undefined },
      },
      journal: { intervalMs: 2_000, exclude: [] },
      children: { echo: [] },
      reportNames: false,
      logLevel: 'info',
    });
  });

  test('save the world of Cuberite every ten seconds', () => {
    expect(config({}).server.worldSave.intervalMs).toBe(10_000);
    expect(config({ SESSION_WORLD_SAVE_INTERVAL: 'off' }).server.worldSave.intervalMs).toBeUndefined();
  });

  test('are Cuberite and its agent where no command is given, and idle sessions end', () => {
    expect(config({})).toMatchObject({
      server: {
        run: {
          kind: 'cuberite',
          home: '/droidlet/droidlet/lowlevel/minecraft/server',
          binary: '/droidlet/droidlet/lowlevel/minecraft/server/cuberite/Server/Cuberite',
          configFolder: '/droidlet/droidlet/lowlevel/minecraft/server/cuberite_config/flat_world',
          mode: 'creative',
          seed: '0',
          plugins: ['debug', 'chatlog', 'point_blocks', 'logging'],
          webAdmin: false,
        },
      },
      agent: {
        command: [
          'python3',
          '/droidlet/agents/craftassist/craftassist_agent.py',
          '--no_default_behavior',
          '--agent_debug_mode',
          '--log_level',
          'debug',
          '--dev',
        ],
      },
      limits: { joinTimeoutMs: 900_000, emptyTimeoutMs: 10_000 },
    });
  });

  test('echo the server and the agent on a terminal', () => {
    const env = { SESSION_DESTINATION: '/out' };
    expect(parseSessionConfig(env, { ...context, terminal: true }).config.children.echo).toEqual([
      'agent',
      'server',
    ]);
  });

  test('hold for variables that are set to nothing', () => {
    const empty = Object.fromEntries(Object.keys(SESSION_VARIABLES).map(name => [name, '']));
    const { timestamp, server } = config({ ...empty, TIMESTAMP: 'x', SESSION_DESTINATION: '/out' });
    expect({ timestamp, stopCommand: server.stopCommand }).toEqual({
      timestamp: 'x',
      stopCommand: undefined,
    });
  });
});

describe('a command', () => {
  const command = (text: string) => config({ SESSION_AGENT_COMMAND: text }).agent.command;

  test('is split as a shell splits it: quotes and backslashes, and nothing expanded', () => {
    expect(command(`a "b c" 'd e' f\\ g $HOME *`)).toEqual(['a', 'b c', 'd e', 'f g', '$HOME', '*']);
  });

  test('may be a JSON array', () => {
    expect(command('["a", "b c", ""]')).toEqual(['a', 'b c', '']);
  });

  test('none is no agent, of whom there is no player', () => {
    const { agent } = config({ SESSION_AGENT_COMMAND: 'none', SESSION_AGENT_PLAYERS: '2' });
    expect(agent).toMatchObject({ command: undefined, players: 0 });
    expect(command('/opt/none')).toEqual(['/opt/none']);
  });

  for (const text of ['"open', '["a", 1]', '[', '[]', '""']) {
    test(`${text} is a fault`, () => {
      expect(faults({ SESSION_AGENT_COMMAND: text })).toHaveLength(1);
    });
  }
});

describe('labels', () => {
  const labelled = (value: unknown) => faults({ SESSION_LABELS: JSON.stringify(value) });
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, '']));

  test('are texts by their names', () => {
    const labels = { group: 'b', p_17: '\u{1F600}'.repeat(256), ...many(18) };
    expect(config({ SESSION_LABELS: JSON.stringify(labels) }).labels).toEqual(labels);
    expect(config({}).labels).toBeUndefined();
  });

  test.for<[unknown, string]>([
    [['b'], 'is not a JSON object: write {'],
    [null, 'is not a JSON object: write {'],
    [many(21), 'has 21 labels, and 20 are the most'],
    [{ Group: 'b' }, 'has a label "Group": a name is 1 to 40 of'],
    [{ '': 'b' }, 'has a label "": a name is 1 to 40 of'],
    [{ ['g'.repeat(41)]: 'b' }, 'a name is 1 to 40 of'],
    [{ constructor: 'b' }, 'has a label "constructor", which no label can be named'],
    [{ group: 7 }, 'has a label "group" that is no text'],
    [{ group: 'secret'.repeat(43) }, 'has a label "group" that is no line of up to 256 characters'],
    [{ group: 'secret\n' }, 'has a label "group" that is no line of up to 256 characters'],
  ])('%j are a fault', ([value, sentence]) => {
    expect(labelled(value)).toEqual([expect.stringContaining(sentence)]);
    expect(labelled(value).join()).not.toContain('secret');
  });

  test('that are no JSON, or are in their quotes still, are a fault', () => {
    expect(faults({ SESSION_LABELS: 'group=b' })).toEqual([expect.stringContaining('is not JSON: write {')]);
    expect(faults({ SESSION_LABELS: `'{"group": "b"}'` })).toEqual([
      expect.stringContaining('is still in its quotes'),
    ]);
    expect(faults({ SESSION_LABELS: '{"__proto__": "b"}' })).toEqual([
      expect.stringContaining('has a label "__proto__": a name'),
    ]);
  });
});

describe('a duration', () => {
  for (const [text, ms] of [
    ['90s', 90_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['30', 30_000],
    ['1.5s', 1_500],
  ] as const) {
    test(`${text} is ${ms} ms`, () => {
      expect(config({ SESSION_READY_TIMEOUT: text }).server.readyTimeoutMs).toBe(ms);
    });
  }

  for (const text of ['-1s', '1y', 'soon', '0', '1e9h', '30 d']) {
    test(`${text} is a fault`, () => {
      expect(faults({ SESSION_READY_TIMEOUT: text })).toHaveLength(1);
    });
  }

  test('may be off where something need not end', () => {
    expect(config({ SESSION_JOIN_TIMEOUT: 'off', SESSION_EMPTY_TIMEOUT: 'OFF' }).limits).toMatchObject({
      joinTimeoutMs: undefined,
      emptyTimeoutMs: undefined,
    });
  });
});

describe('a session name', () => {
  test('may hold what the launcher sends', () => {
    expect(config({ TIMESTAMP: '2021-07-28T19:20:30.45+00:00' }).timestamp).toBe(
      '2021-07-28T19:20:30.45+00:00',
    );
  });

  test('that is empty is none', () => {
    expect(config({ TIMESTAMP: '' }).timestamp).toBe('2026-01-31T12:00:00.000Z');
  });

  for (const [why, name] of [
    ['is too long', 'x'.repeat(129)],
    ['holds a slash', 'a/b'],
    ['climbs', 'a..b'],
    ['holds a control character', 'a\nb'],
  ] as const) {
    test(`that ${why} is refused`, () => {
      expect(faults({ TIMESTAMP: name })[0]).toMatch(/^TIMESTAMP /);
    });
  }
});

describe('a destination', () => {
  const place = (text: string) => config({ SESSION_DESTINATION: text }).save.destination;

  test('is a bucket with or without a prefix', () => {
    expect(place('s3://bucket')).toEqual({ kind: 's3', bucket: 'bucket', prefix: '' });
    expect(place('s3://bucket/a//b/')).toEqual({ kind: 's3', bucket: 'bucket', prefix: 'a/b' });
  });

  test('is a folder, as a URL or as a path', () => {
    expect(place('file:///a%20b')).toEqual({ kind: 'directory', path: '/a b' });
    expect(place('out')).toEqual({ kind: 'directory', path: '/played/out' });
  });

  test('is the working directory itself when nothing is to be uploaded', () => {
    expect(parseSessionConfig({ CRAFTASSIST_NO_UPLOAD: '1' }, context).config.save.destination).toEqual({
      kind: 'inside',
      path: '/played',
    });
  });

  test('must be given otherwise', () => {
    expect(faults({ SESSION_DESTINATION: undefined })[0]).toContain('CRAFTASSIST_NO_UPLOAD=1');
  });

  for (const [text, remedy] of [
    ['s3:bucket', 'write s3://bucket/prefix'],
    ['s3://', 'names no bucket: write s3://bucket/prefix'],
    ['s3:///prefix', 'names no bucket: write s3://bucket/prefix'],
    ['"s3://bucket/prefix"', 'without them'],
    ["'s3://bucket/prefix'", 'without them'],
    ['"s3://bucket/prefix', 'without it'],
    ['s3://bucket/prefix"', 'without it'],
    ['“s3://bucket/prefix”', 'without it'],
    ['s3://Bucket', '3 to 63'],
    ['s3://key:secret@bucket/p', 'AWS_ACCESS_KEY_ID'],
    ['s3://bucket/../other', '".."'],
    ['gs://bucket', 's3://bucket/prefix'],
    ['file://host/folder', 'file:///folder'],
  ] as const) {
    test(`${text} is a fault that says what to do`, () => {
      expect(faults({ SESSION_DESTINATION: text })[0]).toContain(remedy);
    });
  }
});

describe('other values', () => {
  test('an address may be IPv6', () => {
    expect(config({ SESSION_SERVER_ADDRESS: '[::1]:1' }).server.address).toEqual({ host: '::1', port: 1 });
  });

  test('globs keep the commas in their braces', () => {
    expect(config({ SESSION_INCLUDE: '*.log, *.{csv,json},a' }).save.include).toEqual([
      '*.log',
      '*.{csv,json}',
      'a',
    ]);
  });

  test('an archive takes its codec from its ending', () => {
    expect(config({ SESSION_ARCHIVE: 'all.tar' }).save).toMatchObject({
      archiveName: 'all.tar',
      codec: 'none',
    });
    expect(config({ SESSION_ARCHIVE: 'all.tar.zst' }).save.codec).toBe('zstd');
  });

  test('a gzip level is one number; of a range the lower bound is used, with a notice', () => {
    expect(config({ SESSION_GZIP_LEVEL: '3' }).save.gzipLevel).toBe(3);
    expect(config({ SESSION_GZIP_LEVEL: ' 3 - 6 ' }).save.gzipLevel).toBe(3);
    const { notices } = parseSessionConfig(
      { SESSION_DESTINATION: '/out', SESSION_GZIP_LEVEL: '3-6' },
      context,
    );
    expect(notices).toEqual([expect.stringMatching(/^SESSION_GZIP_LEVEL "3-6" is a range: its lower bound/)]);
  });

  test('encryption names a key', () => {
    expect(config({ SESSION_S3_SSE: 'aws:kms:arn:aws:kms:x' }).save.s3.encryption).toEqual({
      algorithm: 'aws:kms',
      kmsKeyId: 'arn:aws:kms:x',
    });
  });

  test('dashboard ports are those of SESSION_PRESENCE_PORTS, and otherwise the one that the agent is told', () => {
    const ports = (env: Record<string, string>) => config(env).agent.dashboardPorts;
    expect(ports({})).toEqual([]);
    expect(ports({ MCDASHBOARD_PORT: '8000' })).toEqual([8000]);
    expect(ports({ MCDASHBOARD_PORT: 'none of our business' })).toEqual([]);
    expect(ports({ MCDASHBOARD_PORT: '8000', SESSION_PRESENCE_PORTS: '80, 8080' })).toEqual([80, 8080]);
    expect(ports({ MCDASHBOARD_PORT: '8000', SESSION_PRESENCE_PORTS: 'none' })).toEqual([]);
  });

  test("the server's grace is that of all processes, unless it has one of its own", () => {
    const graces = (env: Record<string, string>) => {
      const { server, stop } = config(env);
      return [server.stopGraceMs, stop.graceMs];
    };
    expect(graces({ SESSION_STOP_GRACE: '3s' })).toEqual([3_000, 3_000]);
    expect(graces({ SESSION_SERVER_STOP_GRACE: '60s' })).toEqual([60_000, 10_000]);
  });

  test('an empty stop command is none', () => {
    expect(config({ SESSION_SERVER_STOP_COMMAND: '' }).server.stopCommand).toBeUndefined();
  });

  for (const [name, text] of [
    ['SESSION_SERVER_ADDRESS', 'localhost'],
    ['SESSION_SERVER_ADDRESS', 'localhost:70000'],
    ['SESSION_AGENT_PLAYERS', '-1'],
    ['SESSION_PRESENCE_PORTS', '80;8080'],
    ['SESSION_PRESENCE_PORTS', '70000'],
    ['SESSION_ARCHIVE', 'logs.zip'],
    ['SESSION_ARCHIVE', '../logs.tar'],
    ['SESSION_GZIP_LEVEL', '6-1'],
    ['SESSION_ECHO', 'everyone'],
    ['SESSION_LOG_LEVEL', 'loud'],
    ['SESSION_S3_SSE', 'rot13'],
    ['SESSION_S3_EXPECTED_OWNER', 'me'],
    ['SESSION_CUBERITE_MODE', 'spectator'],
    ['SESSION_CUBERITE_SEED', '4294967296'],
    ['SESSION_SERVER_STOP_COMMAND', 'a\nb'],
    ['SESSION_STOP_TIMEOUT', '1s'],
  ] as const) {
    test(`${name} ${JSON.stringify(text)} is a fault`, () => {
      expect(faults({ [name]: text })[0]).toMatch(new RegExp(`^${name} `));
    });
  }
});

describe('what a file of variables leaves in a value', () => {
  const FLAGS = Object.entries(SESSION_VARIABLES)
    .filter(([, { description }]) => description.startsWith('non-empty: '))
    .map(([name]) => name);

  test.each(FLAGS)('a %s that looks like nothing is refused, not taken for set', name => {
    for (const text of [' ', '\t', '""', "''", '" "', "'"])
      expect(faults({ [name]: text }), text).toEqual([
        `${name} ${JSON.stringify(text)} looks like nothing, and would count as set: write 1, or leave it empty`,
      ]);
    expect(faults({ [name]: '\r' })).toEqual([expect.stringContaining('carriage return')]);
    for (const text of ['', '1', '0', 'false', ' 1 ', '"1"'])
      expect(faults({ [name]: text }), text).toEqual([]);
  });

  /** A text as a fault shows it. */
  function shown(name: string, text: string): string {
    const isSecret = Object.entries(SESSION_VARIABLES).some(
      ([known, { secret }]) => known === name && secret,
    );
    return isSecret ? '"********"' : JSON.stringify(text);
  }

  test.each(['\r', '1\r', '1\r\n'])(
    '%j is refused for every variable, since it ends in a carriage return',
    text => {
      const why =
        'ends in a carriage return: end the lines of the file that it comes from with line feeds alone';
      for (const name of Object.keys(SESSION_VARIABLES))
        expect(faults({ [name]: text })).toEqual([`${name} ${shown(name, text)} ${why}`]);
    },
  );

  test('quotes are refused where they cannot be meant', () => {
    const meant = ['SESSION_SETUP_COMMAND', 'SESSION_AGENT_COMMAND', 'SESSION_SERVER_COMMAND', ...FLAGS];
    for (const name of Object.keys(SESSION_VARIABLES))
      expect(faults({ [name]: '"1"' }), name).toEqual(
        meant.includes(name)
          ? []
          : [`${name} ${shown(name, '"1"')} is still in its quotes: write it without them`],
      );
    expect(config({ SESSION_AGENT_COMMAND: '"/opt/my agent"' }).agent.command).toEqual(['/opt/my agent']);
  });
});

describe('faults', () => {
  test('are reported all at once, beside the names that are not known', () => {
    const found = faults({
      TIMESTAMP: '/',
      SESSION_STOP_GRACE: 'x',
      SESSION_ARCHIVE: 'y',
      SESSION_REDY_TIMEOUT: '1',
    });
    expect(found).toHaveLength(4);
    expect(found.at(-1)).toContain('did you mean SESSION_READY_TIMEOUT?');
  });
});

describe('notices', () => {
  const notices = (env: Environment) =>
    parseSessionConfig({ SESSION_DESTINATION: '/out', ...env }, context).notices;

  test.for([
    ['s3://bucket/4711/interaction', 's3://bucket'],
    ['s3://bucket/4711/interaction/more', 's3://bucket'],
    ['s3://bucket/turk_interactions_with_agent/turk', 's3://bucket/turk_interactions_with_agent'],
    ['s3://bucket/turk_interactions_with_agent/turk/4711', 's3://bucket/turk_interactions_with_agent'],
  ] as const)('%s is what readers list whole: %s is what to write', ([inside, above]) => {
    for (const name of ['SESSION_DESTINATION', 'SESSION_FALLBACK_DESTINATION'])
      expect(notices({ [name]: inside })).toEqual([
        expect.stringMatching(new RegExp(`^${name} ${inside} is in .* write ${above}, and let SESSION_KEY`)),
      ]);
  });

  test.for([
    's3://bucket',
    's3://bucket/4711',
    's3://bucket/interaction',
    's3://bucket/4711/interactions',
    's3://bucket/turk_interactions_with_agent',
    's3://bucket/turk_interactions_with_agent/turkey',
    '/4711/interaction',
  ])('%s is not', destination => {
    expect(notices({ SESSION_DESTINATION: destination })).toEqual([]);
  });

  test('name the nearest variable that is known', () => {
    expect(notices({ SESSION_STOP_GRAC: '1s' })).toEqual([expect.stringContaining('SESSION_STOP_GRACE?')]);
  });
});

describe("the children's environment", () => {
  const secret = {
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/c',
  };

  test('holds no credentials, no metadata endpoint and no script', () => {
    const env = config({
      ...secret,
      ECS_CONTAINER_METADATA_URI_V4: 'x',
      RUN_SH_GZ_B64: 'y',
      PATH: '/bin',
      SENTRY_DSN: 'z',
    }).children.env;
    expect(env).toEqual({
      PATH: '/bin',
      SENTRY_DSN: 'z',
      SESSION_DESTINATION: 's3://bucket/prefix',
      PYTHONUNBUFFERED: '1',
    });
  });

  test('lets Python write at once, unless something else is asked for', () => {
    expect(config({}).children.env).toMatchObject({ PYTHONUNBUFFERED: '1' });
    expect(config({ PYTHONUNBUFFERED: '' }).children.env).toMatchObject({ PYTHONUNBUFFERED: '' });
  });

  test('holds the AWS variables where they are asked for', () => {
    expect(config({ ...secret, SESSION_PASS_AWS: '1' }).children.env).toMatchObject(secret);
  });
});

test('a Config is frozen to its depths', () => {
  const { save } = config({});
  expect(Object.isFrozen(save) && Object.isFrozen(save.s3) && Object.isFrozen(save.include)).toBe(true);
});

describe("the children's user", () => {
  test.each([
    ['player', { name: 'player' }],
    ['10001', { uid: 10_001, gid: undefined }],
    ['10001:10002', { uid: 10_001, gid: 10_002 }],
  ])('is read from %s', (text, user) => {
    expect(config({ SESSION_CHILD_USER: text }).children.user).toEqual(user);
  });

  test('is nobody else where none is set', () => {
    expect(config({}).children.user).toBeUndefined();
    expect(config({ SESSION_CHILD_USER: '' }).children.user).toBeUndefined();
  });

  test.each(['0', '0:5', '4294967295', '10001:', 'two words', '-1'])('has a fault in %j', text => {
    expect(faults({ SESSION_CHILD_USER: text })).toEqual([
      expect.stringMatching(/^SESSION_CHILD_USER ".*" is (root|not a user): /),
    ]);
  });
});
