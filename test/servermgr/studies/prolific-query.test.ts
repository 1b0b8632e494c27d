import fastify from 'fastify';
import { expect, test } from 'vitest';
import { completionUrl, parseProlificQuery } from '../../../src/servermgr/studies/prolific.ts';

/** What the framework makes of an address is what is parsed. */
async function parse(search: string) {
  await using app = fastify();
  app.get('/study', async request => parseProlificQuery(request.query));
  return (await app.inject(`/study?${search}`)).json();
}

const [pid, study, session] = [
  '5a9d64f5f6dfdd0001eaa73d',
  '60d9aadeb86739de712faee0',
  '625d4a831bcda2d59ac5a251',
];

test('the three ids of a link are the participant, the study and the submission', async () => {
  const ids = { kind: 'ok', participant: pid, study, submission: session };
  expect(await parse(`PROLIFIC_PID=${pid}&STUDY_ID=${study}&SESSION_ID=${session}`)).toEqual(ids);
  expect(await parse(`group=b&SESSION_ID=${session}&STUDY_ID=${study}&PROLIFIC_PID=${pid}`)).toEqual(ids);
  // A preview's are shorter.
  expect(await parse(`PROLIFIC_PID=abcdef012345&STUDY_ID=1&SESSION_ID=${'z'.repeat(64)}`)).toMatchObject({
    kind: 'ok',
  });
});

test.each([
  ['', 'lacks PROLIFIC_PID'],
  [`PROLIFIC_PID=${pid}&SESSION_ID=${session}`, 'lacks STUDY_ID'],
  [`PROLIFIC_PID=${pid}&STUDY_ID=&SESSION_ID=${session}`, 'lacks STUDY_ID'],
  [`prolific_pid=${pid}&STUDY_ID=${study}&SESSION_ID=${session}`, 'lacks PROLIFIC_PID'],
  [
    'PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}',
    'still has a placeholder in place of PROLIFIC_PID',
  ],
  [
    `PROLIFIC_PID=${pid}&STUDY_ID=%7B%7B%25STUDY_ID%25%7D%7D&SESSION_ID=${session}`,
    'still has a placeholder in place of STUDY_ID',
  ],
  [
    `PROLIFIC_PID=${pid}&STUDY_ID=${study}&SESSION_ID=%25SESSION_ID%25`,
    'still has a placeholder in place of SESSION_ID',
  ],
  [
    `PROLIFIC_PID=${pid}&PROLIFIC_PID=${pid}&STUDY_ID=${study}&SESSION_ID=${session}`,
    'has PROLIFIC_PID more than once',
  ],
  [
    `PROLIFIC_PID=${pid}&STUDY_ID=${study}&SESSION_ID=..%2F${session}`,
    'has a SESSION_ID that cannot be right',
  ],
  [
    `PROLIFIC_PID=${'a'.repeat(65)}&STUDY_ID=${study}&SESSION_ID=${session}`,
    'has a PROLIFIC_PID that cannot be right',
  ],
  [`PROLIFIC_PID=%00&STUDY_ID=${study}&SESSION_ID=${session}`, 'has a PROLIFIC_PID that cannot be right'],
])('a link with ?%s is told what is wrong, and not what it had', async (search, fault) => {
  expect(await parse(search)).toEqual({
    kind: 'bad',
    why: `The link ${fault}. Please open the study from Prolific once more. If that does not help, tell the researchers what you read here.`,
  });
});

test('nothing else is a query', () => {
  for (const query of [undefined, null, 'PROLIFIC_PID=a', []])
    expect(parseProlificQuery(query)).toMatchObject({ kind: 'bad' });
});

test('a participant is sent back with the study’s code', () => {
  expect(completionUrl('C1ABCDEF')).toBe('https://app.prolific.com/submissions/complete?cc=C1ABCDEF');
  expect(completionUrl('A B&cc=C')).toBe('https://app.prolific.com/submissions/complete?cc=A+B%26cc%3DC');
});
