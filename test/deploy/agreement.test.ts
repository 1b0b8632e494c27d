import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'valibot';
import { expect, test } from 'vitest';
import { SESSION_VARIABLES } from '../../src/config/session-variables.ts';
import * as values from '../../src/config/values.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const duration = (text: string) => parse(values.duration, text);
const read = (path: string) => readFileSync(resolve(PROJECT, path), 'utf8');
const task = JSON.parse(read('deploy/task-definition.json'));
const [container] = task.containerDefinitions;
const dockerfile = read('Dockerfile');
const sessionStage = dockerfile.slice(dockerfile.indexOf(' AS session\n'));

const PORTS = [80, 2556, 2557, 3000, 5000, 9000, 25_565];

/** The supervisor's variables in a file. */
const variablesIn = (text: string) => [...text.matchAll(/\bSESSION_[A-Z0-9_]+/g)].map(([name]) => name);

test('the task has the name that the launcher uses', () => {
  expect([task.family, container.name]).toEqual(['craftassist', 'craftassist']);
});

test('the stop timeout of the platform is the one that the supervisor is given', () => {
  const given = container.environment.find(
    ({ name }: { name: string }) => name === 'SESSION_STOP_TIMEOUT',
  ).value;
  expect(duration(given)).toBe(container.stopTimeout * 1_000);

  const job = read('deploy/kubernetes-job.yaml');
  const grace = /terminationGracePeriodSeconds: (\d+)/.exec(job)?.[1];
  expect(duration(/SESSION_STOP_TIMEOUT, value: (\w+)/.exec(job)?.[1] ?? '')).toBe(Number(grace) * 1_000);

  const compose = read('deploy/compose.yaml');
  const period = /stop_grace_period: (\w+)/.exec(compose)?.[1] ?? '';
  expect(duration(/SESSION_STOP_TIMEOUT: (\w+)/.exec(compose)?.[1] ?? '')).toBe(duration(period));
});

test('nothing starts a session again without an end: an agent that fails at once would be archived for ever', () => {
  expect(read('deploy/compose.yaml')).toMatch(/^ {4}restart: "no"$/m);
  const job = read('deploy/kubernetes-job.yaml');
  expect([/restartPolicy: (\w+)/.exec(job)?.[1], /backoffLimit: (\d+)/.exec(job)?.[1]]).toEqual([
    'Never',
    '0',
  ]);
  const policies = [...read('docs/deploy.md').matchAll(/--restart (\S+?)[`\s]/g)].map(([, policy]) => policy);
  expect(policies.filter(policy => !/^on-failure:\d+$/.test(policy ?? ''))).toEqual([]);
});

test('the image and the task open the same ports', () => {
  const exposed = /^EXPOSE (.+)$/m.exec(sessionStage)?.[1]?.split(' ').map(Number);
  const mapped = container.portMappings.map(({ containerPort }: { containerPort: number }) => containerPort);
  const sorted = (ports: number[] = []) => ports.sort((a, b) => a - b);
  expect([sorted(exposed), sorted(mapped)]).toEqual([PORTS, PORTS]);
});

test('the health check of the task is the one of the image', () => {
  expect(sessionStage).toContain(
    `CMD ${JSON.stringify(container.healthCheck.command.slice(1)).replaceAll(',', ', ')}`,
  );
});

test('no file sets a variable that the supervisor does not know', () => {
  const files = [
    'Dockerfile',
    'deploy/task-definition.json',
    'deploy/kubernetes-job.yaml',
    'deploy/compose.yaml',
  ];
  const unknown = files.flatMap(file => variablesIn(read(file))).filter(name => !(name in SESSION_VARIABLES));
  expect(unknown).toEqual([]);
});

test('no file has keys, accounts or secrets in it', () => {
  const files = [
    'Dockerfile',
    'Makefile',
    'deploy/task-definition.json',
    'deploy/kubernetes-job.yaml',
    '.circleci/config.yml',
  ];
  for (const file of files) expect(read(file), file).not.toMatch(/AKIA[0-9A-Z]{16}|\b\d{12}\b/);
  // Build arguments end up in the image's history.
  expect(dockerfile).not.toMatch(/^ARG .*(KEY|SECRET|TOKEN|PASSWORD)/m);
});

test('a session may save, read its claim and its journal, delete the latter, and nothing else', () => {
  const actions = (file: string) =>
    JSON.parse(read(`deploy/iam/${file}.json`)).Statement.flatMap(
      ({ Action }: { Action: string[] }) => Action,
    );
  expect(actions('session').sort()).toEqual([
    's3:AbortMultipartUpload',
    's3:DeleteObject',
    's3:GetObject',
    's3:PutObject',
  ]);
  const session = JSON.parse(read('deploy/iam/session.json'));
  const reading = session.Statement.find(({ Action }: { Action: string }) => Action === 's3:GetObject');
  expect(reading.Resource).toMatch(/\/\.sessions\/\*$/);
});
