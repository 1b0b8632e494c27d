import fastify from 'fastify';
import { expect, test } from 'vitest';
import { parseMturkQuery } from '../../../src/servermgr/studies/mturk.ts';

const ORIGINS = ['https://www.mturk.com', 'https://workersandbox.mturk.com'];
const accepted = {
  assignmentId: '3ABCDEF',
  hitId: '3HIT',
  turkSubmitTo: 'https://www.mturk.com',
  workerId: 'A1B2C3',
};
const parse = (query: unknown) => parseMturkQuery(query, ORIGINS);

test('an accepted HIT has its ids, and the address that its result is sent to', () => {
  const assignment = { kind: 'assignment', worker: 'A1B2C3', assignment: '3ABCDEF', hit: '3HIT' };
  const submitUrl = 'https://www.mturk.com/mturk/externalSubmit';
  expect(parse(accepted)).toEqual({ ...assignment, submitUrl });
  expect(parse({ ...accepted, turkSubmitTo: 'https://www.mturk.com/', study: '1' })).toEqual({
    ...assignment,
    submitUrl,
  });
  expect(parse({ ...accepted, turkSubmitTo: 'https://workersandbox.mturk.com' })).toEqual({
    ...assignment,
    submitUrl: 'https://workersandbox.mturk.com/mturk/externalSubmit',
  });
});

test('a preview is one whatever else it has', () => {
  const preview = { assignmentId: 'ASSIGNMENT_ID_NOT_AVAILABLE' };
  expect(parse(preview)).toEqual({ kind: 'preview' });
  expect(parse({ ...preview, hitId: '3HIT' })).toEqual({ kind: 'preview' });
  expect(parse({ ...accepted, ...preview, turkSubmitTo: 'https://evil.test' })).toEqual({ kind: 'preview' });
});

test.each([
  'http://www.mturk.com',
  'https://www.mturk.com:8443',
  'https://www.mturk.com:80',
  'https://www.mturk.com@evil.test',
  'https://user@www.mturk.com',
  'https://user:word@www.mturk.com',
  'https://www.mturk.com.evil.test',
  'https://evilwww.mturk.com',
  'https://evil.test/www.mturk.com',
  'https://evil.test/https://www.mturk.com',
  'https://evil.test#https://www.mturk.com',
  'https://evil.test\\@www.mturk.com',
  'https://www.mturk.com./',
  'https://www.mturk.com/elsewhere',
  'https://www.mturk.com/?to=evil.test',
  'https://www.mturk.com/#there',
  'https://mturk.com',
  'https://worker.mturk.com',
  'https://wwwxmturk.com',
  'https://www。mturk.com.evil.test',
  '//www.mturk.com',
  'www.mturk.com',
  'javascript:alert(1)',
  'data:text/html,x',
  'null',
  ' ',
])('a result is not sent to %s', turkSubmitTo => {
  expect(parse({ ...accepted, turkSubmitTo })).toEqual({
    kind: 'bad',
    why: 'The link would hand in your work at an address that this study does not know as MTurk. Please return the HIT, and tell the requester what you read here.',
  });
});

test('whatever spelling leads to MTurk, the address is made of our own', () => {
  const submitUrl = 'https://www.mturk.com/mturk/externalSubmit';
  for (const turkSubmitTo of ['https://WWW.mturk.com:443', 'https:\\\\www.mturk.com', 'https:www.mturk.com'])
    expect(parse({ ...accepted, turkSubmitTo })).toMatchObject({ kind: 'assignment', submitUrl });
});

test('an allowed origin that is not https is none', () => {
  const query = { ...accepted, turkSubmitTo: 'http://www.mturk.com' };
  expect(parseMturkQuery(query, ['http://www.mturk.com']).kind).toBe('bad');
  expect(parseMturkQuery(accepted, []).kind).toBe('bad');
});

test('a link without turkSubmitTo is told so', () => {
  const why =
    'The link does not say where on MTurk your work is handed in. Please return the HIT, and tell the requester what you read here.';
  expect(parse({ ...accepted, turkSubmitTo: undefined })).toEqual({ kind: 'bad', why });
  expect(parse({ ...accepted, turkSubmitTo: '' })).toEqual({ kind: 'bad', why });
});

test.each([
  ['', 'lacks workerId'],
  ['workerId=A1&hitId=3H', 'lacks assignmentId'],
  ['workerId=A1&assignmentId=3A&hitId=', 'lacks hitId'],
  ['workerId=A1&assignmentId=3A&assignmentId=3A&hitId=3H', 'has assignmentId more than once'],
  [
    'workerId=A1&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&assignmentId=3A&hitId=3H',
    'has assignmentId more than once',
  ],
  ['workerId=A%201&assignmentId=3A&hitId=3H', 'has a workerId that cannot be right'],
  [`workerId=${'A'.repeat(65)}&assignmentId=3A&hitId=3H`, 'has a workerId that cannot be right'],
])('a link with ?%s is told what is wrong', async (search, fault) => {
  await using app = fastify();
  app.get('/study', async request => parse(request.query));
  const answer = await app.inject(`/study?${search}&turkSubmitTo=https%3A%2F%2Fwww.mturk.com`);
  expect(answer.json()).toEqual({
    kind: 'bad',
    why: `The link ${fault}. Please open the study from MTurk once more. If that does not help, tell the researchers what you read here.`,
  });
});
