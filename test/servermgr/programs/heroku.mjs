#!/usr/bin/env node
// Heroku's CLI, and Heroku behind it, as far as an application is set up: it refuses commands and options that are not in
// its table, and what needs something that no command has made. The application is $STAND_INS/app.git, and app.json is
// what its dynos are started with.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const folder = process.env.STAND_INS ?? '';
const [repository, file] = [join(folder, 'app.git'), join(folder, 'app.json')];

const COMMANDS = {
  create(_, remote) {
    if (existsSync(repository)) throw new Error('the application is there already');
    git('init', '--quiet', '--bare', '--initial-branch=main', repository);
    git('remote', 'add', remote, repository);
    save({ config: {}, dynos: [] });
  },

  'addons:create'([plan, ...more]) {
    const app = load();
    if (plan !== 'heroku-postgresql:essential-0' || more.length > 0) throw new Error(`no add-on ${plan}`);
    if (app.config.DATABASE_URL !== undefined) throw new Error('there is a database already');
    // It has no sslmode.
    save({ ...app, config: { ...app.config, DATABASE_URL: process.env.STAND_INS_DATABASE } });
  },

  'config:set'(words) {
    const app = load();
    const given = words.map(word => /^([A-Z_]+)=(.+)$/s.exec(word)?.slice(1));
    if (given.length === 0 || given.includes(undefined)) throw new Error(`not NAME=value: ${words}`);
    const config = Object.fromEntries(given);
    if ('DATABASE_URL' in config && app.config.DATABASE_URL !== undefined)
      throw new Error('DATABASE_URL is the add-on’s');
    save({ ...app, config: { ...app.config, ...config } });
  },

  'ps:scale'([word, ...more]) {
    const app = load();
    const [, count, size] = /^web=(\d+)(?::(\S+))?$/.exec(word) ?? [];
    if (count === undefined || more.length > 0) throw new Error(`not web=count:size: ${[word, ...more]}`);
    const procfile = git('--git-dir', repository, 'show', 'main:Procfile');
    const command = /^web: (.+)$/m.exec(procfile)?.[1];
    if (command === undefined) throw new Error('there is no process type web');
    // https://devcenter.heroku.com/articles/dyno-types
    if (Number(count) > 1 && !/^(standard|performance)-/.test(size ?? 'basic'))
      throw new Error(`one dyno of the size ${size ?? 'basic'} is the most`);
    save({
      ...app,
      dynos: Array.from({ length: Number(count) }, (_, at) => ({ name: `web.${at + 1}`, command })),
    });
  },
};

const [name, ...args] = process.argv.slice(2);
if (!(name in COMMANDS)) throw new Error(`heroku ${name}: no such command`);
const { values, positionals } = parseArgs({
  args,
  allowPositionals: true,
  options: { remote: { type: 'string' }, ...(name === 'addons:create' && { wait: { type: 'boolean' } }) },
});
if (values.remote === undefined) throw new Error('missing: --remote');
if (name !== 'create' && git('remote', 'get-url', values.remote).trim() !== repository)
  throw new Error(`${values.remote} is no remote of the application`);
COMMANDS[name](positionals, values.remote);

function git(...words) {
  return execFileSync('git', words, { encoding: 'utf8' });
}

function load() {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function save(app) {
  writeFileSync(file, JSON.stringify(app));
}
