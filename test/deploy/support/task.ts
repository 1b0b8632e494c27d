import { spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { SUPERVISOR } from '../../support/built.ts';
import { eventually } from '../../support/eventually.ts';
import { ask, make, need, pathOf } from './account.ts';
import { TASK } from './commands.ts';

interface Variable {
  readonly name: string;
  readonly value: string;
}

interface TaskDefinition {
  readonly taskRoleArn: string;
  readonly executionRoleArn: string;
  readonly containerDefinitions: readonly [
    {
      readonly name: string;
      readonly image: string;
      readonly environment: readonly Variable[];
      readonly logConfiguration: { readonly options: { readonly 'awslogs-group': string } };
    },
  ];
}

/** Runs the supervisor as ECS would: with the environment of the task definition, once all is there that it names. */
export async function runTask(family: string, overrides: string): Promise<void> {
  const answer = await ask('ECS', 'DescribeTaskDefinition', { taskDefinition: family });
  const { taskRoleArn, executionRoleArn, containerDefinitions } = answer.taskDefinition as TaskDefinition;
  const [container] = containerDefinitions;
  for (const arn of [taskRoleArn, executionRoleArn]) need('role', arn.replace(/^.*\//, ''));
  need('log', container.logConfiguration.options['awslogs-group']);
  need('digest', container.image.replace(/^.*@/, ''));
  const { containerOverrides } = JSON.parse(overrides || '{"containerOverrides":[]}');
  const variables: Variable[] = [container, ...containerOverrides].flatMap(({ name, environment }) =>
    name === container.name ? environment : [],
  );
  const task = spawn(process.execPath, [SUPERVISOR], {
    cwd: pathOf('.'),
    env: { ...process.env, ...Object.fromEntries(variables.map(({ name, value }) => [name, value])) },
    detached: true,
    stdio: ['ignore', openSync(pathOf('task.log'), 'w'), 'inherit'],
  });
  task.unref();
  make('task', TASK);
  writeFileSync(pathOf('task.pid'), `${task.pid}`);
}

export function stopTask(): void {
  process.kill(Number(readFileSync(pathOf('task.pid'), 'utf8')), 'SIGTERM');
}

/** Waits until the task has logged an event. */
export async function taskHas(event: string): Promise<void> {
  await eventually(() => logOfTask().includes(`"event":"${event}"`));
}

export function logOfTask(): string {
  return readFileSync(pathOf('task.log'), 'utf8');
}
