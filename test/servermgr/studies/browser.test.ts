/**
 * @module-tag slow
 * @module-tag alone
 */

import { expect, test } from 'vitest';
import { expectAccessible } from '../support/accessibility.ts';
import { asAdmin, openPage, picture, useBrowser } from '../support/browser.ts';
import { createManagerFixture } from '../support/manager.ts';
import { newParticipant, newResearcher, prolificLink } from '../support/study.ts';
import { startFields } from '../support/visitor.ts';

useBrowser();

test('a study is accessible, to those who take part and to those who run it', async () => {
  await using fixture = await createManagerFixture({ SERVERMGR_FLEET_LIMIT: '1' });
  const { url } = await fixture.startManager();
  const researcher = newResearcher(url);
  const consent =
    '# About\n\n- one\n- two\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n[a link](https://example.org)';
  const study = await researcher.create({ consent, seats: '2', waitMinutes: '1', minimumMinutes: '1' });
  await using visit = await openPage(`${url}${prolificLink(study, 'anna')}`);
  const { page } = visit;
  const looks = async (name: string) => {
    await picture(page, name);
    await expectAccessible(page);
  };
  await page.getByRole('button', { name: 'I agree' }).waitFor();
  await looks('study-consent');
  await page.getByRole('button', { name: 'I agree' }).click();
  await page.getByRole('heading', { name: 'What you will do' }).waitFor();
  await looks('study-instructions');
  // The fleet's one place is somebody else's.
  await researcher.post('/launch', await startFields(researcher));
  await page.getByRole('button', { name: 'Start my server' }).click();
  await page.getByRole('heading', { name: 'A place is being found' }).waitFor();
  await looks('study-waiting');
  const [id = ''] = await fixture.sessionIds();
  await fixture.endSession(id);
  await page.getByRole('heading', { name: 'Your server is ready' }).waitFor();
  await looks('study-playing');
  page.once('dialog', dialog => dialog.accept());
  await page.getByRole('button', { name: 'End my session' }).click();
  await page.getByRole('heading', { name: 'Your session is over' }).waitFor();
  await page.getByLabel('Your code').waitFor();
  await looks('study-incomplete');
  const declined = newParticipant(url);
  await declined.open(prolificLink(study, 'bea'));
  await declined.press('I do not agree');
  for (const [name, path] of [
    ['study-declined', `/study/${study}?t=${declined.ticket()}&declined=1`],
    ['study-preview', `/study/${study}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE`],
    ['study-no-link', `/study/${study}`],
  ] as const) {
    await page.goto(`${url}${path}`);
    await looks(name);
  }
  expect(visit.faults.filter(fault => !/status of 40\d/.test(fault))).toEqual([]);

  await using admin = await openPage(`${url}/admin/studies`, asAdmin);
  for (const [name, path] of [
    ['studies', ''],
    ['studies-new', '/new'],
    ['studies-one', `/${study}`],
    ['studies-edit', `/${study}/edit`],
  ] as const) {
    await admin.page.goto(`${url}/admin/studies${path}`);
    await picture(admin.page, name);
    await expectAccessible(admin.page);
  }
  await admin.page.goto(`${url}/admin/webhooks`);
  await expectAccessible(admin.page);
}, 300_000);
