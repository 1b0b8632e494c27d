#!/usr/bin/env node
// The AWS CLI of a walk through an account: it refuses commands and options that are not in its table, JSON that is none,
// and what needs something that no command has made. A task that it runs is a process, and S3 is the tests' own.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { make, need, pathOf } from '../support/account.ts';
import { COMMANDS, JSON_OPTIONS, VALUES } from '../support/commands.ts';
import { logOfTask, runTask, stopTask, taskHas } from '../support/task.ts';

const ACTIONS = {
  's3 cp': ({ 0: from, 1: to }) => download(from, to),
  'logs tail': () => console.log(logOfTask()),
  'ecs run-task': options => runTask(options['task-definition'], options.overrides),
  'ecs wait tasks-running': () => taskHas('server_ready'),
  'ecs stop-task': () => stopTask(),
  'ecs wait tasks-stopped': () => taskHas('session_finished'),
  'ssm put-parameter': ({ name }) => keep(name),
  'rds create-db-instance': () => keep('password'),
};

const [name, command, args] = find(process.argv.slice(2));
const options = parse(command, args);
for (const [kind, option] of Object.entries(command.needs ?? {})) need(kind, plain(options[option]));
await ACTIONS[name]?.(options);
for (const [kind, option] of Object.entries(command.makes ?? {})) make(kind, plain(options[option]));
if (command.answers !== undefined) console.log(answer(command.answers, options.query));

function find(words) {
  for (const length of [3, 2]) {
    const found = words.slice(0, length).join(' ');
    if (found in COMMANDS) return [found, COMMANDS[found], words.slice(length)];
  }
  throw new Error(`aws ${words.join(' ')}: no such command`);
}

function parse({ options: known, words = 0 }, given) {
  const wanted = known.split(/\s+/).filter(Boolean);
  const flags = wanted.filter(option => option.endsWith('!')).map(option => option.slice(0, -1));
  const names = [...wanted.map(option => option.replace(/[?!]$/, '')), 'query', 'output', 'cli-input-json'];
  const { values, positionals } = parseArgs({
    args: given,
    allowPositionals: true,
    options: Object.fromEntries(
      names.map(option => [option, { type: flags.includes(option) ? 'boolean' : 'string' }]),
    ),
  });
  for (const option of JSON_OPTIONS) if (option in values) values[option] = json(values[option]);
  const all = { ...values, ...fieldsOf(values['cli-input-json'] ?? '{}'), ...positionals };
  const missing = wanted.filter(option => !option.endsWith('?') && !all[option.replace('!', '')]);
  if (missing.length > 0 || positionals.length !== words)
    throw new Error(`missing: ${missing}, ${positionals}`);
  for (const option of Object.keys(all)) {
    const isKnown = names.includes(option) || option in positionals;
    if (!isKnown || VALUES[option]?.test(all[option]) === false)
      throw new Error(`--${option} is not ${all[option]}`);
  }
  return all;
}

/** @returns the JSON of a value, or of the file that it names. */
function json(value) {
  const text = value.startsWith('file://') ? readFileSync(value.slice('file://'.length), 'utf8') : value;
  JSON.parse(text);
  return text;
}

/** The members of a request as options: `serviceName`, or `ServiceName`, is --service-name. */
function fieldsOf(request) {
  const option = member =>
    member.replaceAll(/[A-Z]/g, (letter, at) => (at ? '-' : '') + letter.toLowerCase());
  return Object.fromEntries(
    Object.entries(JSON.parse(request)).map(([member, value]) => [
      option(member),
      typeof value === 'object' ? JSON.stringify(value) : `${value}`,
    ]),
  );
}

function plain(text) {
  return text.replace('s3://', '');
}

function answer(answers, query) {
  if (!(query in answers)) throw new Error(`nothing is known of --query ${query}`);
  const found = answers[query];
  return typeof found === 'function' ? found(options) : found;
}

/** Keeps what is told by stdin, as the file that an option names. */
function keep(what) {
  const told = readFileSync(0, 'utf8');
  if (!/^\S+$/.test(told)) throw new Error(`${what} is "${told}"`);
  writeFileSync(pathOf(what.replaceAll('/', '_')), told);
}

async function download(from, to) {
  const response = await fetch(`${process.env.AWS_ENDPOINT_URL_S3}/${plain(from)}`);
  if (!response.ok) throw new Error(`${from}: ${response.status}`);
  writeFileSync(to, await response.bytes());
}
