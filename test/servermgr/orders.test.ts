import { expect, test } from 'vitest';
import { openFleetTable } from '../../src/servermgr/database/fleet-table.ts';
import { createLaunches } from '../../src/servermgr/fleet/launches.ts';
import { launchedWith } from '../../src/servermgr/fleet/order.ts';
import { randomToken } from '../../src/servermgr/session-id.ts';
import { startAwsServer } from './support/aws-server.ts';
import { environmentOf } from './support/aws-tasks.ts';
import { becomes, launcherOf, openFleetOn } from './support/ecs-fleet.ts';
import { createParts, launchedRecord, SILENT } from './support/fleet-parts.ts';

const NO_CAPACITY = 'Capacity is unavailable at this time. Please try again later';

const AGENT = {
  ...{ id: 'new_bot', title: 'New', image: 'new-bot:3' },
  env: {
    SESSION_AGENT_COMMAND: 'of the agent',
    SESSION_EXCLUDE: 'of the agent',
    SESSION_KEY: 'of the agent',
  },
};

const CHOICES = {
  env: {
    SESSION_MAX_DURATION: 'of all',
    SESSION_CUBERITE_CONFIG: 'of all',
    SESSION_AGENT_COMMAND: 'of all',
    SESSION_KEY: 'of all',
  },
  worlds: [
    {
      ...{ id: 'flat_world', title: 'Flat', text: '' },
      env: { SESSION_CUBERITE_CONFIG: 'of the world', SESSION_EXCLUDE: 'of the world' },
    },
  ],
  agents: [AGENT],
};

const ORDER = { env: { SESSION_LABELS: '{"group": "b"}', SESSION_KEY: 'of its own' }, agent: 'new_bot' };

const ORDERED = {
  SESSION_MAX_DURATION: 'of all',
  SESSION_CUBERITE_CONFIG: 'of the world',
  SESSION_AGENT_COMMAND: 'of the agent',
  SESSION_EXCLUDE: 'of the agent',
  SESSION_KEY: 'of its own',
  SESSION_LABELS: '{"group": "b"}',
};

const formOf = (changes: object = {}) => ({
  ...{ visitor: randomToken(), token: randomToken(), world: 'flat_world', network: '192.0.2.1' },
  ...changes,
});

test('a session gets what it was asked for with, its agent’s image included, also where it is launched again elsewhere', async () => {
  await using context = await openFleetOn(
    {
      dies: ({ place }) =>
        place.subnets.length > 1 ? { stopCode: 'TaskFailedToStart', stoppedReason: NO_CAPACITY } : undefined,
    },
    CHOICES,
  );
  const { fleet, aws, database } = context;
  const answer = await fleet.launch(formOf({ order: ORDER, who: 'participant 17' }));
  if (answer.kind !== 'launched') throw new Error(answer.kind);
  await becomes(fleet, answer.id, ({ phase }) => phase === 'ready');
  const tasks = aws.tasks.all().map(({ task }) => task);
  expect(tasks.map(({ request }) => request.taskDefinition)).toEqual(['new-bot:3', 'new-bot:3']);
  for (const task of tasks) expect(environmentOf(task)).toMatchObject(ORDERED);
  const audit = await database.db.selectFrom('audit').select(['who', 'what', 'detail']).execute();
  expect(audit).toEqual([{ who: 'participant 17', what: 'launch', detail: 'flat_world' }]);
});

test('a session without an order gets what all get, and an agent that does not exist starts nothing', async () => {
  await using context = await openFleetOn({}, CHOICES);
  const { fleet, aws, database } = context;
  const order = { ...ORDER, agent: 'old_bot' };
  expect(await fleet.launch(formOf({ order }))).toEqual({ kind: 'unknown-agent' });
  expect(await database.db.selectFrom('sessions').select('id').execute()).toEqual([]);
  const form = formOf();
  const answers = await Promise.all([fleet.launch(form), fleet.launch({ ...form, order: ORDER })]);
  expect(answers[1]).toEqual(answers[0]);
  const [task, ...others] = aws.tasks.all();
  expect(others).toEqual([]);
  expect(task?.task.request.taskDefinition).toBe('craftassist:7');
  expect(task && environmentOf(task.task)).not.toHaveProperty('SESSION_LABELS');
  const [audit] = await database.db.selectFrom('audit').select('who').execute();
  expect(audit?.who).toMatch(/^visitor \S{22}$/);
});

test('an instance that repeats the launch of another one launches what was asked for', async () => {
  const record = launchedRecord({ ordered: ORDER });
  await using parts = await createParts([record]);
  await using aws = await startAwsServer();
  const { table, registry } = parts;
  const launcher = launcherOf(aws, {}, 'tests', [AGENT.image]);
  const { env, worlds, agents } = CHOICES;
  const choices = { session: { env }, worlds, agents };
  const launches = createLaunches({ launcher, choices, table, registry, log: SILENT });
  const known = registry.get(record.session.id);
  if (known === undefined) throw new Error('it is not in the table');
  await launches.repeat(known);
  const [{ task } = { task: undefined }] = aws.tasks.all();
  expect(task?.request.taskDefinition).toBe(AGENT.image);
  expect(task && environmentOf(task)).toMatchObject(ORDERED);
});

test('an order is in the table, for every instance; what is none counts as none', async () => {
  const records = [launchedRecord({ ordered: ORDER }), launchedRecord()] as const;
  await using parts = await createParts(records);
  const { database, registry } = parts;
  const orders = () => records.map(({ session }) => registry.get(session.id)?.ordered);
  expect(orders()).toEqual([ORDER, undefined]);
  const bare = { env: {}, agent: undefined };
  for (const [text, order] of [
    ['{"env": {}}', bare],
    ['{"env": {}, "agent": null, "more": 1}', bare],
    ['{"env": 1}', undefined],
    ['nonsense', undefined],
  ] as const) {
    await database.db.updateTable('sessions').set({ ordered: text }).execute();
    const [record] = records;
    expect((await openFleetTable(database).find(record.session.id))?.ordered).toEqual(order);
  }
});

test('a session whose agent is not configured any more is not launched with another one', () => {
  const { env, worlds } = CHOICES;
  expect(() => launchedWith('flat_world', ORDER, { session: { env }, worlds, agents: [] })).toThrow(
    'its agent "new_bot" is not in SERVERMGR_AGENTS any more',
  );
});
