#!/usr/bin/env node
// Registers a task definition of deploy/ with ECS, after showing what it changes of the revision in force.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import { complain } from './complain.ts';
import { difference, type Json } from './ecs/difference.ts';
import { fill, lookUp } from './ecs/placeholders.ts';

const USAGE = `usage: node scripts/register.ts [--dry-run] [--print] [file]

  file        deploy/task-definition.json, where nothing else is said
  --dry-run   show the difference, and register nothing
  --print     print the file, filled in, and ask nobody: for the policies and schedules in deploy/

REMOTE (or AWS_ACCOUNT_ID, AWS_REGION and IMAGE) and BUCKET say what the file leaves open; PREFIX, CLUSTER and SUBNET
where a file asks for them.`;

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  print: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const FILE = resolve(import.meta.dirname, '../deploy/task-definition.json');

try {
  await main();
} catch (error) {
  complain(error);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    options: OPTIONS,
    allowPositionals: true,
  });
  if (values.help) return console.log(USAGE);
  const text = fill(await readFile(positionals[0] ?? FILE, 'utf8'), process.env);
  if (values.print) return console.log(text.trimEnd());
  await register(JSON.parse(text), values['dry-run']);
}

async function register(wanted: RegisterTaskDefinitionCommandInput, isDryRun: boolean): Promise<void> {
  const { family } = wanted;
  if (family === undefined) throw new Error('the file is no task definition: it names no family');
  const client = new ECSClient({ region: lookUp('REGION', process.env) });
  const inForce = await revisionInForce(client, family);
  if (inForce === undefined) {
    console.log(`${family} has no revision yet`);
  } else {
    const lines = difference(plain(wantedOf(inForce)), plain(wanted));
    if (lines.length === 0) {
      console.log(`${family}:${inForce.revision} is as the file says: nothing to do`);
      return;
    }
    console.log([`${family}:${inForce.revision} is in force, and becomes:`, ...lines].join('\n'));
  }
  if (isDryRun) {
    console.log('nothing was registered: this was a dry run');
    return;
  }
  const { taskDefinition } = await client.send(new RegisterTaskDefinitionCommand(wanted));
  console.log(`registered ${taskDefinition?.taskDefinitionArn}`);
}

/** ECS answers with a ClientException alike where there is no such family, and where the request is wrong. */
async function revisionInForce(client: ECSClient, family: string): Promise<TaskDefinition | undefined> {
  try {
    return (await client.send(new DescribeTaskDefinitionCommand({ taskDefinition: family }))).taskDefinition;
  } catch (error) {
    if (error instanceof Error && /unable to describe task definition/i.test(error.message)) return undefined;
    throw error;
  }
}

/** What was asked for, without what ECS has made of it. */
function wantedOf({
  taskDefinitionArn,
  revision,
  status,
  requiresAttributes,
  compatibilities,
  registeredAt,
  registeredBy,
  deregisteredAt,
  ...wanted
}: TaskDefinition): Omit<TaskDefinition, 'revision'> {
  return wanted;
}

/** The SDK's objects hold dates and undefined members. */
function plain(value: object): Json {
  return JSON.parse(JSON.stringify(value));
}
