import { expect, test } from 'vitest';
import { createManagerFixture } from '../support/manager.ts';
import { newParticipant, newResearcher, prolificLink } from '../support/study.ts';

/** MTurk's parameters for somebody. */
function turkQuery(changes: Record<string, string> = {}): string {
  const query = {
    assignmentId: 'A1',
    hitId: 'H1',
    workerId: 'W1',
    turkSubmitTo: 'https://www.mturk.com',
    ...changes,
  };
  return String(new URLSearchParams(query));
}

test('ids of a link are in no address that follows, and a form without its page is refused', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const study = await newResearcher(url).create();
  const first = await fetch(`${url}${prolificLink(study, 'annaid')}`, { redirect: 'manual' });
  const location = first.headers.get('location') ?? '';
  expect([first.status, location]).toEqual([303, expect.stringMatching(/^\/study\/\d+\?t=[A-Za-z0-9_-]+$/)]);
  expect(location).not.toContain('annaid');
  expect(first.headers.getSetCookie()).toEqual([]);
  const page = await fetch(`${url}${location}`);
  expect(await page.text()).not.toContain('annaid');
  expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  const t = new URL(location, url).searchParams.get('t') ?? '';
  for (const fields of [{ t }, { t, form: 'x' }, {}]) {
    const body = new URLSearchParams({ ...fields, version: '1', answer: 'yes' });
    const answer = await fetch(`${url}/study/${study}/consent`, { method: 'POST', body });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('Open your link once more'),
    ]);
  }
  expect((await fetch(`${url}/study/${study}?t=${t}x`)).status).toBe(400);
});

test.each([
  ['placeholders that were not filled in', '?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID=a&SESSION_ID=b', 400],
  ['an id that is none', '?PROLIFIC_PID=a%3Cb&STUDY_ID=a&SESSION_ID=b', 400],
  ['nothing at all', '', 400],
  [
    'a turkSubmitTo of somebody else',
    `?${turkQuery({ turkSubmitTo: 'https://www.mturk.com.evil.example' })}`,
    400,
  ],
])('%s is a sentence', async (_, query, status) => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const person = newParticipant(url);
  await person.open(`/study/${await researcher.create()}${query}`);
  expect(person.status()).toBe(status);
  expect(person.title()).not.toBe('');
  expect((await researcher.export(1)).length).toBe(0);
});

test('a preview shows everything and starts nothing; the form at the end goes to MTurk itself', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const study = await newResearcher(url).create({ seats: '1' });
  const worker = newParticipant(url);
  await worker.open(
    `/study/${study}?${turkQuery({ assignmentId: 'ASSIGNMENT_ID_NOT_AVAILABLE', workerId: '' })}`,
  );
  expect(worker.page()).toContain('This is a preview.');
  expect(worker.page()).not.toContain('<form');
  const other = newParticipant(url);
  await other.open(prolificLink(study, 'anna'));
  await other.press('I agree');
  await worker.open(`/study/${study}?${turkQuery()}`);
  await worker.press('I agree');
  expect(worker.title()).toBe('All places are taken');
  expect(worker.page()).toContain('action="https://www.mturk.com/mturk/externalSubmit"');
  expect(worker.page()).toMatch(/name="assignmentId" value="A1"/);
  expect(worker.page()).toMatch(/name="code" value="FULL"/);
});

test('only pages of studies may be framed, by the sites that are named', async () => {
  await using fixture = await createManagerFixture({
    SERVERMGR_MTURK_PARENTS: 'https://parent.example',
    SERVERMGR_MTURK_FORMS: 'https://form.example',
  });
  const { url } = await fixture.startManager();
  const study = await newResearcher(url).create();
  const framed = await fetch(`${url}/study/${study}`);
  const policy = framed.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("frame-ancestors 'self' https://parent.example");
  expect(policy).toContain("form-action 'self' https://form.example");
  expect(framed.headers.get('x-frame-options')).toBeNull();
  for (const path of ['/', '/admin', '/admin/studies', '/wait', '/study/99x', '/nothing']) {
    const other = await fetch(`${url}${path}`, { redirect: 'manual' });
    if (path === '/study/99x') continue;
    expect(other.headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
  }
});

test('signed links let people in, until they expire or are withdrawn, and cannot be changed', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_SESSIONS_PER_NETWORK: '1' });
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create({ sessionsPerParticipant: '2' });
  const links = await researcher.links(study, 'anna\nbea');
  expect([...links.keys()]).toEqual(['anna', 'bea']);
  expect((await researcher.links(study, '3')).size).toBe(3);
  const person = newParticipant(url);
  await person.open(links.get('anna') ?? '');
  await person.press('I agree');
  expect(person.title()).toBe('What you will do');
  const changed = newParticipant(url);
  await changed.open((links.get('bea') ?? '').replace('bea', 'cleo'));
  expect([changed.status(), changed.title()]).toEqual([403, 'This link is not valid']);
  await researcher.send(`/admin/studies/${study}`, `/admin/studies/${study}/withdraw`, {});
  await changed.open(links.get('bea') ?? '');
  expect([changed.status(), changed.title()]).toEqual([410, 'This link was withdrawn']);
  const bad = await researcher.send(`/admin/studies/${study}`, `/admin/studies/${study}/links`, {
    labels: 'a b<c',
    days: '30',
  });
  expect([bad.status, await bad.text()]).toEqual([
    400,
    expect.stringContaining('A code has 1 to 64 letters'),
  ]);
});

test('a form of a study tells all of its faults at once, and keeps what was written', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const answer = await researcher.send('/admin/studies/new', '/admin/studies', {
    ...{
      name: 'Mine <b>',
      world: 'nowhere',
      seats: '0',
      lengthMinutes: '5',
      minimumMinutes: '9',
      waitMinutes: 'x',
    },
  });
  const page = await answer.text();
  expect(answer.status).toBe(422);
  expect(page).toContain('the number of seats is 1 at least');
  expect(page).toContain('the consent is empty');
  expect(page).toContain('value="Mine &lt;b&gt;"');
  expect(await researcher.text('/admin/studies')).toContain('There is none yet.');
});

test('a participant is deleted by pseudonym or id, and what is left at the destination is listed', async () => {
  await using fixture = await createManagerFixture();
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const study = await researcher.create({ ids: 'hashed' });
  const person = newParticipant(url);
  await person.open(prolificLink(study, 'anna'));
  await person.press('I agree');
  const here = `/admin/studies/${study}`;
  const busy = await researcher.send(here, `${here}/delete`, { person: 'anna' });
  expect([busy.status, await busy.text()]).toEqual([409, expect.stringContaining('They take part just now')]);
  const nobody = await researcher.send(here, `${here}/delete`, { person: 'bea' });
  expect(nobody.status).toBe(404);
});
