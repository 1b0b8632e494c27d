import { describe, expect, test } from 'vitest';
import { compare, judgeDeletion, judgeRepetition, judgeWrites, type Tree, type Written } from './model.ts';

const grown = (text: string) => ({ bytes: Buffer.from(text), grows: true });
const whole = (text: string) => ({ bytes: Buffer.from(text), grows: false });
const GONE = { bytes: undefined, grows: false };

const written: Written = new Map([
  ['a.log', [grown('one\ntwo\nthree\n')]],
  ['state', [whole('first'), whole('second')]],
  ['lock', [whole('here'), GONE]],
]);

function tree(files: Readonly<Record<string, string | undefined>>): Tree {
  return new Map(
    Object.entries(files).map(([path, text]) => [path, text === undefined ? text : Buffer.from(text)]),
  );
}

const NOTHING = { faults: [], wrongBytes: 0, lostBytes: 0 };

describe('what was recovered', () => {
  test.for([
    ['as much as was durable', { 'a.log': 'one\n' }, { 'a.log': 'one\n' }],
    [
      'more than was durable',
      { 'a.log': 'one\n', state: 'first' },
      { 'a.log': 'one\ntwo\n', state: 'second' },
    ],
    ['a file that has gone since', { lock: 'here' }, {}],
    ['a file that came again, and its end was not durable', {}, { lock: 'here' }],
  ] as const)('may be %s', ([, durable, recovered]) => {
    expect(compare(tree(durable), tree(recovered), written)).toEqual(NOTHING);
  });

  test.for([
    ['less of a log', { 'a.log': 'one\ntwo\n' }, { 'a.log': 'one\n' }, { lostBytes: 4 }],
    ['an older content', { state: 'second' }, { state: 'first' }, { lostBytes: 6 }],
    ['no file where there was one', { 'a.log': 'one\n' }, {}, { lostBytes: 4 }],
    ['a file whose end was durable', { lock: undefined }, { lock: 'here' }, { lostBytes: 0 }],
    ['a part of a content that came whole', {}, { state: 'fir' }, { wrongBytes: 3 }],
    ['bytes that nobody wrote', {}, { 'a.log': 'one\ntwq\n' }, { wrongBytes: 8 }],
    ['a file that nobody wrote', {}, { 'b.log': 'one\n' }, { wrongBytes: 4 }],
  ] as const)('may not be %s', ([, durable, recovered, bytes]) => {
    const found = compare(tree(durable), tree(recovered), written);
    expect(found).toMatchObject({ ...bytes, faults: [expect.any(String)] });
  });

  test('is wrong where the store has acknowledged what nobody wrote', () => {
    const durable = tree({ 'a.log': 'two\n' });
    expect(compare(durable, tree({ 'a.log': 'one\n' }), written)).toMatchObject({ wrongBytes: 4 });
  });
});

describe('a journal', () => {
  const held = tree({ 'a.log': 'one\ntwo\n', state: 'first' });
  const deletion = { journal: 'j', held, isConsented: false };

  test('may be deleted when one archive has all of it', () => {
    const archives = [tree({ 'a.log': 'one\n' }), tree({ 'a.log': 'one\ntwo\n', state: 'second' })];
    expect(judgeDeletion({ ...deletion, archives }, written)).toEqual([]);
  });

  test('may not be deleted when two archives have each a part of it', () => {
    const archives = [tree({ 'a.log': 'one\ntwo\n' }), tree({ state: 'first' })];
    expect(judgeDeletion({ ...deletion, archives }, written)).toHaveLength(1);
  });

  test('may not be deleted without an archive, unless a person says so', () => {
    expect(judgeDeletion({ ...deletion, archives: [] }, written)).toHaveLength(1);
    expect(judgeDeletion({ ...deletion, archives: [], isConsented: true }, written)).toEqual([]);
  });
});

describe('who writes', () => {
  const put = (key: string, by: string, digest = 'x') => ({ kind: 'put', key, by, digest }) as const;
  const remove = (key: string, by: string) => ({ kind: 'delete', key, by }) as const;
  const segment = (number: number) => `.sessions/t/journal/0000000${number}.tar.gz`;

  test('may send a segment again, fence it, and delete it from the first on', () => {
    const session = [put(segment(1), 's'), put(segment(1), 's'), put(segment(2), 's')];
    const recovery = [put(segment(3), 'r'), put('t/logs.tar.gz', 'r'), put('.sessions/t/session.json', 'r')];
    const deletion = [remove(segment(4), 'r'), remove(segment(1), 'r'), remove(segment(2), 'r')];
    expect(judgeWrites([...session, ...recovery, ...deletion])).toEqual([]);
  });

  const fence = (number: number, by: string) => ({ ...put(segment(number), by), fence: 'open' as const });

  test('may delete what it has ended, though another one goes on with that', () => {
    const ended = (number: number, by: string) => ({ ...put(segment(number), by), fence: 'ended' as const });
    const taken = [put(segment(1), 's'), ended(2, 'r'), put(segment(3), 'q')];
    const deleted = [remove(segment(1), 'r'), ended(4, 'q'), remove(segment(2), 'q')];
    expect(judgeWrites([...taken, ...deleted])).toEqual([]);
  });

  test('may end what somebody else has ended and deleted', () => {
    const ended = (number: number, by: string) => ({ ...fence(number, by), fence: 'ended' as const });
    const taken = [put(segment(1), 's'), put(segment(2), 's'), ended(3, 'r')];
    const deleted = [remove(segment(1), 'r'), remove(segment(2), 'r')];
    expect(judgeWrites([...taken, ...deleted, { ...ended(2, 's'), digest: 'y' }])).toEqual([]);
    expect(judgeWrites([...taken, ...deleted, put(segment(2), 's', 'y')])).toHaveLength(1);
  });

  test('may fence what has arrived behind a deletion, by the number that it tells', () => {
    const late = { ...put(segment(1), 's'), isLate: true };
    const gone = [
      put(segment(1), 's'),
      put(segment(2), 's'),
      remove(segment(1), 's'),
      remove(segment(2), 's'),
    ];
    const fences = [fence(3, 'r'), fence(2, 'q'), fence(4, 'r')];
    expect(judgeWrites([...gone, late, ...fences, remove(segment(1), 'r')])).toEqual([]);
    expect(judgeWrites([...gone, late, put(segment(2), 's')])).toHaveLength(1);
  });

  test.for([
    ['gives a segment other bytes', [put(segment(1), 's'), put(segment(1), 's', 'y')]],
    ['leaves a number out', [put(segment(1), 's'), put(segment(3), 's')]],
    ['writes on behind a fence', [put(segment(1), 's'), put(segment(2), 'r'), put(segment(3), 's')]],
    ['deletes behind a fence', [put(segment(1), 's'), put(segment(2), 'r'), remove(segment(1), 's')]],
    ['goes on after a deletion', [put(segment(1), 's'), remove(segment(1), 's'), put(segment(2), 's', 'y')]],
    ['replaces an archive', [put('t/logs.tar.gz', 's'), put('t/logs.tar.gz', 'r', 'y')]],
  ] as const)('is wrong who %s', ([, events]) => {
    expect(judgeWrites(events)).toHaveLength(1);
  });
});

test('a second recovery changes nothing', () => {
  const before = new Map([
    ['kept', '1'],
    ['gone', '2'],
    ['other', '3'],
  ]);
  const after = new Map([
    ['kept', '1'],
    ['other', '4'],
    ['new', '5'],
  ]);
  expect(judgeRepetition(before, before)).toEqual([]);
  expect(judgeRepetition(before, after)).toHaveLength(3);
});
