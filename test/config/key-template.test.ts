import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/define.ts';
import { DEFAULT_KEY, renderKey } from '../../src/config/key-template.ts';
import { parseSessionConfig } from '../../src/config/session.ts';

const context = { cwd: '/played', terminal: false, now: new Date('2026-01-31T12:00:00Z') };

function faults(env: Record<string, string>): readonly string[] {
  try {
    parseSessionConfig({ SESSION_DESTINATION: 's3://bucket/prefix', ...env }, context);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test.for([
  [DEFAULT_KEY, undefined, 'T'],
  [DEFAULT_KEY, 'X1', 'turk/X1/T'],
  ['[{experiment}/interaction/]{timestamp}', undefined, 'T'],
  ['[{experiment}/interaction/]{timestamp}', 'X1', 'X1/interaction/T'],
  ['logs/{timestamp}[-of-{experiment}]/{timestamp}', 'X1', 'logs/T-of-X1/T'],
  ['logs/{timestamp}[-of-{experiment}]/{timestamp}', undefined, 'logs/T/T'],
] as const)('%s with the experiment %s is %s', ([template, experiment, key]) => {
  expect(faults({ SESSION_KEY: template })).toEqual([]);
  expect(renderKey(template, { timestamp: 'T', experiment })).toBe(key);
});

describe('a template is refused, with what to write', () => {
  test.for([
    ['{timestamp}/{task}', 'only {timestamp} and {experiment} are known'],
    ['{}/{timestamp}', 'only {timestamp} and {experiment} are known'],
    ['[turk/{experiment}/{timestamp}', 'bracket that is not closed'],
    ['[turk/[{experiment}]/]{timestamp}', 'bracket that is not closed, or inside another'],
    ['turk]/{timestamp}', 'bracket that is not closed'],
    ['turk/{timestamp', 'brace that is not closed'],
    ['turk', 'no {timestamp} outside its brackets'],
    ['[{experiment}/{timestamp}]', 'no {timestamp} outside its brackets'],
    ['{experiment}/{timestamp}', 'outside brackets'],
    ['[turk/]{timestamp}', 'would never drop out'],
    ['/{timestamp}', 'empty part'],
    ['{timestamp}/', 'empty part'],
    ['a//{timestamp}', 'empty part'],
    ['a/[{experiment}]/{timestamp}', 'empty part'],
    ['../{timestamp}', 'begins with "."'],
    ['.sessions/{timestamp}', 'begins with "."'],
    ['.{timestamp}', 'begins with "."'],
    ['a\\b/{timestamp}', 'backslash'],
    [`${'x'.repeat(600)}/{timestamp}`, 'too long'],
  ] as const)('%s', ([template, fault]) => {
    expect(faults({ SESSION_KEY: template })).toEqual([expect.stringContaining(fault)]);
  });
});

test('an experiment that the environment names is held to the same rule as one in a file', () => {
  expect(faults({ TURK_EXPERIMENT_ID: '3X.A-b_9' })).toEqual([]);
  for (const id of ['..', '.sessions', 'a/b', 'x'.repeat(129)])
    expect(faults({ TURK_EXPERIMENT_ID: id })).toEqual([expect.stringContaining('TURK_EXPERIMENT_ID')]);
});

test('no session is named like the folder of reports and journals', () => {
  expect(faults({ TIMESTAMP: '.sessions' })).toEqual([expect.stringContaining('TIMESTAMP')]);
});
