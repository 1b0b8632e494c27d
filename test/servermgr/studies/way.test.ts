import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ADMIN_TOKEN, createManagerFixture, environmentIn, type ManagerFixture } from '../support/manager.ts';
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
  await shows(person, study, 'Your server is ready');
  const [row] = await researcher.export(study);
  expect(row).toMatchObject({ person_id: 'anna', submission_id: 'sanna', outcome: '', text_version: '1' });

  const id = await theSession(fixture);
  const env = await environmentIn(await fixture.workdir(id));
  expect(env).toMatchObject({ TURK_EXPERIMENT_ID: String(study), SESSION_MAX_DURATION: '1800s' });
  expect(JSON.parse(env.SESSION_LABELS ?? '')).toMatchObject({
    ...{ study: String(study), participant: row?.participant, participation: row?.participation },
    ...{ person: 'anna', submission: 'sanna', source: 'prolific' },
  });

  await setOnline(fixture, id, 2);
  await shows(person, study, '1 person');
  await fixture.endSession(id);
  await shows(person, study, 'Thank you for taking part');
  expect(person.code()).toBe('DONE');
  expect(person.page()).toContain('https://app.prolific.com/submissions/complete?cc=DONE');
  const again = newParticipant(url);
  await again.open(prolificLink(study, 'anna'));
  expect(again.code()).toBe('DONE');
  await again.open(prolificLink(study, 'anna', 'another'));
  expect(again.title()).toBe('You have already taken part');
  // What was saved is known a moment after the end.
  const over = await eventually(async () =>
    (await researcher.export(study)).find(({ saved }) => saved === 'archive'),
  );
  const search = (filter: string) => researcher.text(`/admin/history?${filter}`);
  for (const filter of [`study=${study}`, `participant=${over?.participant}`])
    expect(await search(filter)).toContain(`name=${encodeURIComponent(over?.session ?? '')}`);
  expect(await search('study=99')).toContain('No session is like that.');
  const api = await fetch(`${url}/api/export/studies/${study}/participations.json`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect(JSON.parse(await api.text()).participations).toMatchObject([
    { participant: over?.participant, outcome: 'finished' },
  ]);
  expect(over).toMatchObject({
    outcome: 'finished',
    code: 'DONE',
    saved: 'archive',
    archive: `${over?.session}/logs.tar.gz`,
  });
});

/** The page is loaded anew until that is on it. */
async function shows(person: Participant, study: number, text: string): Promise<void> {
  await eventually(async () => {
    expect(await person.reload(study)).toContain(text);
    return true;
  });
}

async function theSession(fixture: ManagerFixture): Promise<string> {
  const [id, ...others] = await fixture.sessionIds();
  if (id === undefined || others.length > 0) throw new Error('there is not one session');
  return id;
}

/** @param online how many players, the agent among them */
async function setOnline(fixture: ManagerFixture, id: string, online: number): Promise<void> {
  await writeFile(join(await fixture.workdir(id), 'online'), String(online));
}
