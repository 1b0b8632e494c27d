import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import {
  createManagerFixture,
  environmentIn,
  type ManagerFixture,
  supervisorCommand,
} from '../support/manager.ts';
import { newParticipant, newResearcher, type Participant, prolificLink } from '../support/study.ts';

const TEST_MS = { SERVERMGR_LAUNCH_TIMEOUT: '30s' };

test('somebody agrees, reads, plays for as long as the study asks, and has their code; the link shows it again', async () => {
  await using fixture = await createManagerFixture(TEST_MS);
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create();
  const person = newParticipant(url);
  await person.open(prolificLink(study, 'anna'));
  expect(person.title()).toBe('Building together');
  expect(person.page()).toContain('You play.');
  expect(person.page()).not.toMatch(/anna|sanna/);
  // Whoever previews a link takes no seat.
  expect(await researcher.export(study)).toEqual([]);
  await person.press('I agree');
  expect(person.page()).toContain('<strong>Minecraft</strong>');
  await person.press('Start my server');
  await eventually(async () => expect(await person.reload(study)).toContain('Your server is ready') ?? true);
  const [row] = await researcher.export(study);
  expect(row).toMatchObject({ person_id: 'anna', submission_id: 'sanna', outcome: '', text_version: '1' });

  const id = await sessionIdOf(fixture);
  const env = await environmentIn(await fixture.workdir(id));
  expect(env).toMatchObject({ TURK_EXPERIMENT_ID: String(study), SESSION_MAX_DURATION: '1800s' });
  expect(JSON.parse(env.SESSION_LABELS ?? '')).toMatchObject({
    ...{ study: String(study), participant: row?.participant, participation: row?.participation },
    ...{ person: 'anna', submission: 'sanna', source: 'prolific' },
  });

  await setOnline(fixture, id, 2);
  await eventually(async () => expect(await person.reload(study)).toContain('1 person') ?? true);
  await fixture.endSession(id);
  await eventually(
    async () =>
      (await person.reload(study)) && expect(person.title()).toBe('Thank you for taking part') === undefined,
  );
  expect(person.code()).toBe('DONE');
  expect(person.page()).toContain('https://app.prolific.com/submissions/complete?cc=DONE');
  const again = newParticipant(url);
  await again.open(prolificLink(study, 'anna'));
  expect(again.code()).toBe('DONE');
  await again.open(prolificLink(study, 'anna', 'another'));
  expect(again.title()).toBe('You have already taken part');
  const [over] = await researcher.export(study);
  expect(over).toMatchObject({
    outcome: 'finished',
    code: 'DONE',
    saved: 'archive',
    archive: `${over?.session}/logs.tar.gz`,
  });
});

async function sessionIdOf(fixture: ManagerFixture): Promise<string> {
  const { readdir, readFile } = await import('node:fs/promises');
  throw new Error(`${readdir}${readFile}${fixture}`);
}

async function setOnline(fixture: ManagerFixture, id: string, online: number): Promise<void> {
  throw new Error(`${fixture}${id}${online}`);
}

export type { Participant };
export { supervisorCommand };
