/** @module-tag slow */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { commandsOf, queriesOf } from '../support/page-commands.ts';
import { startS3Server } from '../support/s3-server.ts';
import { startAwsServer } from './support/aws-server.ts';
import { programPath } from './support/manager.ts';
import { startPostgres } from './support/postgres.ts';
import { runProgram, startProgram } from './support/program.ts';
import { basic, idIn, newVisitor } from './support/visitor.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

interface Application {
  readonly config: Readonly<Record<string, string>>;
  readonly dynos: readonly { readonly name: string; readonly command: string }[];
}

/** A database as the add-on has it: TLS, twenty connections, and a user that owns nothing else. */
async function startHerokuPostgres() {
  const postgres = await startPostgres({ tls: true });
  await postgres.query("create role app login password 'topsecret' connection limit 20");
  await postgres.query('create database fleet owner app');
  const url = `postgres://app:topsecret@${new URL(postgres.url).host}/fleet`;
  return {
    url,
    /** What a person asks, as `heroku pg:psql` does. */
    async ask(text: string): Promise<readonly unknown[]> {
      const client = new pg.Client({ connectionString: url, ssl: { rejectUnauthorized: false } });
      await client.connect();
      try {
        const answers = [await client.query(text)].flat();
        return answers.flatMap(({ rows }) => rows);
      } finally {
        await client.end();
      }
    },
    connections: async () => {
      const rows = await postgres.query<{ count: string }>(
        "select count(*) from pg_stat_activity where usename = 'app' and datname = 'fleet'",
      );
      return Number(rows[0]?.count);
    },
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

/** A checkout of what is here, as a commit of its own, and a shell in which `heroku` is the stand-in. */
async function createCheckout(databaseUrl: string) {
  const folder = await mkdtemp(join(tmpdir(), 'heroku-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const checkout = join(folder, 'checkout');
  await mkdir(checkout);
  for (const name of ['Procfile', 'package.json', 'scripts/deploy.sh', 'src'])
    await cp(join(ROOT, name), join(checkout, name), { recursive: true });
  const stub = `#!/bin/sh\nexec "${process.execPath}" "${programPath('heroku.mjs')}" "$@"\n`;
  await writeFile(join(folder, 'heroku'), stub, { mode: 0o755 });
  const env = {
    PATH: [folder, process.env.PATH].join(delimiter),
    ...{ STAND_INS: folder, STAND_INS_DATABASE: databaseUrl },
    ...{ SUBNETS: 'subnet-0a,subnet-0b', GAME_SECURITY_GROUP: 'sg-0c' },
    ...{ KEY_ID: 'AKIDTEST', KEY: 'of the tests' },
  };
  const type = (script: string) => run('sh', ['-eu', '-c', script], { cwd: checkout, env });
  await type(`git init --quiet && git add . &&
    git -c user.name=Tests -c user.email=tests@localhost commit --quiet --message 'the button'`);
  return {
    type,
    application: async () => JSON.parse(await readFile(join(folder, 'app.json'), 'utf8')) as Application,
    /** What a dyno finds: what was pushed, and its packages, in a folder that no other one has. */
    async slug(): Promise<string> {
      const slug = await mkdtemp(join(folder, 'slug-'));
      await run('git', ['clone', '--quiet', join(folder, 'app.git'), slug]);
      await symlink(join(ROOT, 'node_modules'), join(slug, 'node_modules'));
      return slug;
    },
  };
}

test('the commands for Heroku lead to two dynos that share a database, of which any may be lost', async () => {
  await using postgres = await startHerokuPostgres();
  await using aws = await startAwsServer({ interfaceMs: 100, runningMs: 200, addressMs: 300 });
  const s3 = await startS3Server({ buckets: ['recordings'] });
  onTestFinished(() => s3.close());
  const heroku = await createCheckout(postgres.url);
  const { stdout } = await heroku.type(commandsOf('docs/servermgr-deploy.md', '## Heroku with Postgres'));
  expect(stdout).toContain('the button to heroku_servermgr');
  const { config, dynos } = await heroku.application();
  expect(dynos.map(({ name }) => name)).toEqual(['web.1', 'web.2']);

  const start = async ({ name, command }: Application['dynos'][number]) => {
    const [port, slug] = [await freePort(), await heroku.slug()];
    const given = {
      ...{ ...config, DYNO: name, PORT: `${port}` },
      ...{ AWS_ENDPOINT_URL_ECS: aws.url, AWS_ENDPOINT_URL_EC2: aws.url, AWS_ENDPOINT_URL_S3: s3.url },
      ...{ SERVERMGR_ECS_GAME_PORT: `${await aws.tasks.playGame()}`, SESSION_S3_PATH_STYLE: '1' },
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      // Where the tests look for it; a dyno is told its port alone.
      SERVERMGR_LISTEN: `127.0.0.1:${port}`,
    };
    return startProgram(given, slug, ['sh', '-c', 'unset SERVERMGR_LISTEN; exec $0', command]);
  };
  // Both find a database without tables.
  const [one, two] = await Promise.all(dynos.map(start));
  if (one === undefined || two === undefined) throw new Error('there are no two dynos');
  await using first = one;
  await using second = two;
  expect([first.output(), second.output()].join()).not.toContain('"event":"notice"');

  const forwarded = { 'x-forwarded-for': '203.0.113.7' };
  const visitor = newVisitor(first.url, forwarded);
  const id = idIn(await visitor.launch());
  const atSecond = newVisitor(second.url, forwarded);
  await eventually(async () => (await atSecond.status(id)).progress >= 90);
  expect(await postgres.connections()).toBeLessThanOrEqual(8);

  // Dynos are restarted once a day at least, with nothing of their disks.
  await Promise.all([first.stop('SIGKILL'), second.stop('SIGTERM')]);
  await using third = await start({ name: 'web.1', command: dynos[0]?.command ?? '' });
  const again = newVisitor(third.url, forwarded);
  for (const [name, value] of visitor.cookies) again.cookies.set(name, value);
  expect(await again.text('/')).toContain(`href="/wait?q=${id}"`);
  const admin = newVisitor(third.url, { authorization: basic(config.SERVERMGR_ADMIN_TOKEN ?? '') });
  expect(await admin.text('/admin')).toContain('flat_world');

  const [look = '', , cleanUp = ''] = queriesOf('docs/servermgr.md', '### Who did what');
  const launched = { who: expect.stringMatching(/^visitor /), what: 'launch', detail: 'flat_world' };
  const day = 86_400_000;
  expect(await postgres.ask(look)).toEqual([{ ...launched, session: nameOf(id), at: expect.any(Date) }]);
  // What is old goes, and what runs stays.
  await postgres.ask(
    `insert into servermgr.audit (at_ms, who, what) values (${Date.now() - 366 * day}, 'rule', 'stop')`,
  );
  await postgres.ask(cleanUp);
  expect(await postgres.ask(look)).toHaveLength(1);
  expect(await postgres.ask('select id from servermgr.sessions')).toEqual([{ id }]);
});

test.for([
  ['?sslmode=verify-full', { DYNO: 'web.1' }, 'self-signed certificate'],
  ['', {}, 'no encryption'],
] as const)(
  'a database with a certificate of its own, named with "%s", is refused with %j, in a sentence',
  async ([query, dyno, why]) => {
    await using postgres = await startHerokuPostgres();
    const folder = await mkdtemp(join(tmpdir(), 'heroku-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { code, output } = await runProgram({
      ...dyno,
      ...{ PORT: `${await freePort()}`, DATABASE_URL: `${postgres.url}${query}`, SERVERMGR_STATE: folder },
      ...{ SESSION_DESTINATION: folder, SERVERMGR_LOG_LEVEL: 'silent' },
    });
    expect(code).toBe(64);
    expect(output).toMatch(
      /^the database postgres:\/\/app:…@127\.0\.0\.1:\d+\/fleet cannot be used, .*: set DATABASE_URL to .*\n$/,
    );
    expect(output).toContain(why);
    expect(output).not.toContain('topsecret');
  },
);

test.each([
  ['heroku apps:create --remote r', 'no such command'],
  ['heroku create', 'missing: --remote'],
  ['heroku addons:create heroku-postgresql:essential-0 --remote r', "No such remote 'r'"],
  ['heroku create --remote r; heroku addons:create heroku-postgresql:mini --remote r', 'no add-on'],
  ['heroku create --remote r; heroku config:set --remote r NAME', 'not NAME=value'],
  ['heroku create --remote r; heroku config:set --remote r NAME=', 'not NAME=value'],
  ['heroku create --remote r; heroku ps:scale web=1 --remote r', "invalid object name 'main'"],
  [
    'heroku create --remote r; HEROKU_REMOTE=r scripts/deploy.sh; heroku ps:scale web=2 --remote r',
    'one dyno of the size basic is the most',
  ],
])('the stand-in refuses %s', async (script, why) => {
  const { type } = await createCheckout('');
  await expect(type(script)).rejects.toThrow(why);
});
