/** @module-tag slow */

import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { createManagerFixture, supervisorCommand } from '../support/manager.ts';
import { startProlificServer } from '../support/prolific-server.ts';
import { newParticipant, newResearcher, type Participant, prolificLink } from '../support/study.ts';
import { hiddenFields } from '../support/visitor.ts';

const TOKEN = 'a-token-of-the-tests-for-prolific';

/** Somebody who has agreed. */
async function agreed(url: string, link: string): Promise<Participant> {
  const person = newParticipant(url);
  await person.open(link);
  await person.press('I agree');
  return person;
}

/** Until their page has that title. */
async function titled(person: Participant, study: number, title: string): Promise<void> {
  await eventually(async () => {
    await person.reload(study);
    expect(person.title()).toBe(title);
    return true;
  });
}

test('who does not agree has a code, leaves nothing of themselves, and may think again', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create();
  const person = newParticipant(url);
  await person.open(prolificLink(study, 'anna'));
  await person.press('I do not agree');
  expect([person.title(), person.code()]).toEqual(['You do not take part', 'NO']);
  expect(await researcher.export(study)).toMatchObject([
    {
      participant: '',
      person_id: '',
      submission_id: '',
      consented_at: '',
      outcome: 'no-consent',
      code: 'NO',
    },
  ]);
  // Nobody has that code by an address alone.
  const other = newParticipant(url);
  await other.open(prolificLink(study, 'bea'));
  await other.open(`/study/${study}?t=${other.ticket()}&declined=1`);
  expect(other.title()).toBe('Building together');
  await person.open(prolificLink(study, 'anna'));
  await person.press('I agree');
  expect(person.title()).toBe('What you will do');
});

test('who comes when all seats are taken has a code, and a seat when one is free again', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create({ seats: '1' });
  const first = await agreed(url, prolificLink(study, 'anna'));
  const second = await agreed(url, prolificLink(study, 'bea'));
  expect([second.title(), second.code()]).toEqual(['All places are taken', 'FULL']);
  await first.press('Start my server');
  await titled(first, study, 'Your server is ready');
  await first.press('End my session');
  await eventually(async () => {
    await first.reload(study);
    expect([first.title(), first.code()]).toEqual(['Your session is over', 'LEFT']);
    return true;
  });
  await second.press('Try again');
  expect(second.title()).toBe('What you will do');
});

test('a session that dies has a code of its own, and another try', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SUPERVISOR: supervisorCommand('--crash') });
  const { url } = await fixture.startManager();
  const study = await newResearcher(url).create();
  const person = await agreed(url, prolificLink(study, 'anna'));
  await person.press('Start my server');
  await titled(person, study, 'Sorry, something broke');
  expect(person.code()).toBe('BROKEN');
  await person.press('Try again');
  expect(person.title()).toBe('What you will do');
});

test('while the fleet is full people wait in the order in which they came, and see how many are before them', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_FLEET_LIMIT: '1' });
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create();
  const people: Participant[] = [];
  for (const name of ['anna', 'bea', 'cleo']) {
    const person = await agreed(url, prolificLink(study, name));
    await person.press('Start my server');
    people.push(person);
    // Who is launched waits no more.
    if (name === 'anna') await titled(person, study, 'Your server is ready');
  }
  const [first, second, third] = people as [Participant, Participant, Participant];
  await eventually(async () => {
    expect(await second.reload(study)).toContain('You are the next one.');
    expect(await third.reload(study)).toContain('1 person is before you.');
    return true;
  });
  expect(third.page()).not.toContain('Leave with a code');
  await first.press('End my session');
  await titled(second, study, 'Your server is ready');
  await eventually(async () => {
    expect(await third.reload(study)).toContain('You are the next one.');
    return true;
  });
});

test('who has waited for as long as the study asks may leave with a code, and nobody before', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_FLEET_LIMIT: '0' });
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create();
  const person = await agreed(url, prolificLink(study, 'anna'));
  await person.press('Start my server');
  expect(person.page()).not.toContain('Leave with a code');
  await researcher.change(study, { waitMinutes: '0' });
  await person.reload(study);
  const late = person.page();
  await researcher.change(study, { waitMinutes: '15' });
  const action = /action="([^"]+leave)"/.exec(late)?.[1] ?? '';
  await fetch(new URL(action, url), {
    method: 'POST',
    body: new URLSearchParams(hiddenFields(late)),
    redirect: 'manual',
  });
  await person.reload(study);
  expect(person.title()).toBe('A place is being found for you');
  await researcher.change(study, { waitMinutes: '0' });
  await person.reload(study);
  await person.press('Leave with a code');
  expect([person.title(), person.code()]).toEqual(['Sorry that it took so long', 'WAIT']);
});

test('Prolific is asked: who is not in the study is told so, and who cannot be asked about is let in', async () => {
  await using prolific = await startProlificServer(TOKEN);
  await using fixture = await createManagerFixture({
    SERVERMGR_PROLIFIC_TOKEN: TOKEN,
    SERVERMGR_PROLIFIC_URL: prolific.url,
  });
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create();
  const forged = await agreed(url, prolificLink(study, 'mallory'));
  expect([forged.status(), forged.title()]).toEqual([403, 'You are not eligible for this study']);
  prolific.put('sanna', { participant: 'anna', study: 'study1', status: 'ACTIVE' });
  expect((await agreed(url, prolificLink(study, 'anna'))).title()).toBe('What you will do');
  prolific.trouble('down');
  expect((await agreed(url, prolificLink(study, 'bea'))).title()).toBe('What you will do');
  const rows = await researcher.export(study);
  expect(rows.map(({ person_id: person, verified }) => [person, verified])).toEqual([
    ['anna', 'confirmed'],
    ['bea', 'unchecked'],
  ]);
});

test('a place that Prolific takes back is free for somebody else, and its session is ended and saved', {
  tags: ['slow'],
}, async () => {
  await using prolific = await startProlificServer(TOKEN);
  await using fixture = await createManagerFixture({
    SERVERMGR_PROLIFIC_TOKEN: TOKEN,
    SERVERMGR_PROLIFIC_URL: prolific.url,
  });
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create({ seats: '1', ids: 'hashed' });
  prolific.put('sanna', { participant: 'anna', study: 'study1', status: 'ACTIVE' });
  const person = await agreed(url, prolificLink(study, 'anna'));
  await person.press('Start my server');
  await titled(person, study, 'Your server is ready');
  prolific.put('sanna', { participant: 'anna', study: 'study1', status: 'RETURNED' });
  await titled(person, study, 'Your place was given back');
  expect(person.code()).toBeUndefined();
  await eventually(async () =>
    (await researcher.export(study)).some(
      ({ outcome, saved }) => outcome === 'returned' && saved === 'archive',
    ),
  );
  prolific.put('sbea', { participant: 'bea', study: 'study1', status: 'ACTIVE' });
  expect((await agreed(url, prolificLink(study, 'bea'))).title()).toBe('What you will do');
});

test('who has finished is known by us, whatever Prolific says of their submission by then', async () => {
  await using prolific = await startProlificServer(TOKEN);
  await using fixture = await createManagerFixture({
    ...{ SERVERMGR_PROLIFIC_TOKEN: TOKEN, SERVERMGR_PROLIFIC_URL: prolific.url },
  });
  const { url } = await fixture.startManager();
  const study = await newResearcher(url).create();
  prolific.put('sanna', { participant: 'anna', study: 'study1', status: 'ACTIVE' });
  const oldTab = newParticipant(url);
  await oldTab.open(prolificLink(study, 'anna'));
  const person = await agreed(url, prolificLink(study, 'anna'));
  await person.press('Start my server');
  await titled(person, study, 'Your server is ready');
  await person.press('End my session');
  await eventually(async () => {
    await person.reload(study);
    return person.code() === 'LEFT';
  });
  prolific.put('sanna', { participant: 'anna', study: 'study1', status: 'AWAITING REVIEW' });
  await oldTab.press('I agree');
  expect([oldTab.title(), oldTab.code()]).toEqual(['Your session is over', 'LEFT']);
});

test('a study that has not opened, and one that is closed, each say so', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const early = await researcher.create({ opens: '2099-01-01T12:00' });
  const person = newParticipant(url);
  await person.open(prolificLink(early, 'anna'));
  expect(person.title()).toBe('This study has not begun');
  expect(person.page()).toContain('1 Jan 2099');
  const study = await researcher.create();
  await person.open(prolificLink(study, 'anna'));
  await researcher.send(`/admin/studies/${study}`, `/admin/studies/${study}/close`, {});
  await person.press('I agree');
  expect(person.title()).toBe('This study is over');
});
