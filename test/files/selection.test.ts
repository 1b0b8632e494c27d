import { expect, test } from 'vitest';
import { chooser } from '../../src/files/selection.ts';

const choose = (globs: Partial<Record<'include' | 'exclude' | 'excludedPaths', string[]>>) =>
  chooser({ root: '/played', include: [], exclude: [], excludedPaths: [], ...globs });

test('with no globs everything is included and nothing excluded', () => {
  expect(choose({}).includes(Buffer.from('a/b/.c'))).toBe(true);
  expect(choose({}).excludes(Buffer.from('a/b/.c'))).toBe(false);
});

test.each([
  ['*.log', 'agent.log', true],
  ['*.log', 'deep/down/agent.log', true],
  ['*.log', 'deep/agent.log.gz', false],
  ['*.log', '.hidden.log', true],
  ['job_metadata.json', 'a/job_metadata.json', true],
  ['cuberite/**', 'cuberite/world/r.0.0.mca', true],
  ['cuberite/*.ini', 'cuberite/settings.ini', true],
  ['cuberite/*.ini', 'cuberite/world/world.ini', false],
  ['cuberite/*.ini', 'copy/cuberite/settings.ini', false],
  ['**/logs/*', 'a/b/logs/.1', true],
  ['/agent.log', 'agent.log', true],
  ['/agent.log', 'old/agent.log', false],
  ['./logs', 'logs', true],
  ['world/', 'cuberite/world', true],
  ['*.{csv,bin}', 'a/t.csv', true],
  ['Ü*.log', 'a/Übung.log', true],
])('the glob %s on %s: %s', (glob, path, matches) => {
  expect(choose({ include: [glob] }).includes(Buffer.from(path))).toBe(matches);
  expect(choose({ exclude: [glob] }).excludes(Buffer.from(path))).toBe(matches);
});

test('paths that are left out are told by their place', () => {
  const { excludes } = choose({ excludedPaths: ['/played/sessions', '/elsewhere'] });
  expect(excludes(Buffer.from('sessions'))).toBe(true);
  expect(excludes(Buffer.from('a/sessions'))).toBe(false);
});
