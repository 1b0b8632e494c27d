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
import { difference, type Json } from './ecs/difference.ts';
import { pinImages } from './ecs/pin.ts';
import { fill, lookUp } from './ecs/placeholders.ts';
import { type Environment, type Output, runMain } from './run-main.ts';

const USAGE = `usage: node scripts/register.ts [--dry-run] [--keep-tag] [--print] [file]

  file        default: deploy/task-definition.json
  --dry-run   show the difference, and register nothing
  --keep-tag  name the image by its tag, not by the digest: tasks run whatever the tag is on when they start
  --print     print the file, filled in, without a request: for the policies and schedules in deploy/

REMOTE (or AWS_ACCOUNT_ID, AWS_REGION and IMAGE) and BUCKET fill the file's placeholders; PREFIX, CLUSTER and SUBNET
where a file has them; PLATFORM=linux/arm64 is for Graviton.`;

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  'keep-tag': { type: 'boolean', default: false },
  print: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const FILE = resolve(import.meta.dirname, '../deploy/task-definition.json');

/** @throws when nothing was registered, with every placeholder that has no value. */
export async function main(args: readonly string[], env: Environment, { print }: Output): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const text = fill(await readFile(positionals[0] ?? FILE, 'utf8'), env);
  if (values.print) {
    print(text.trimEnd());
    return 0;
  }
  await register(JSON.parse(text), {
    env,
    print,
    isDryRun: values['dry-run'],
    keepsTag: values['keep-tag'],
  });
  return 0;
}

interface Registration {
  readonly env: Environment;
  readonly print: Output['print'];
  readonly isDryRun: boolean;
  readonly keepsTag: boolean;
}

async function register(
  filled: RegisterTaskDefinitionCommandInput,
  { env, print, isDryRun, keepsTag }: Registration,
): Promise<void> {
  const { family } = filled;
  if (family === undefined) throw new Error('the file is no task definition: it names no family');
  const wanted = keepsTag ? filled : await pinImages(filled, print);
  const client = new ECSClient({ region: lookUp('REGION', env) });
  const inForce = await revisionInForce(client, family);
  if (inForce === undefined) {
    print(`${family} has no revision yet`);
  } else {
    const lines = difference(plain(wantedOf(inForce)), plain(wanted));
    if (lines.length === 0) {
      print(`${family}:${inForce.revision} is as the file says: nothing to do`);
      return;
    }
    print([`${family}:${inForce.revision} is in force, and becomes:`, ...lines].join('\n'));
  }
  if (isDryRun) {
    print('nothing was registered: this was a dry run');
    return;
  }
  const { taskDefinition } = await client.send(new RegisterTaskDefinitionCommand(wanted));
  print(`registered ${taskDefinition?.taskDefinitionArn}`);
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

if (import.meta.main) await runMain(main);
