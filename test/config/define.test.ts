import { is } from 'valibot';
import { expect, test } from 'vitest';
import { describeDefault, flag, optional, variable, variableByCase } from '../../src/config/define.ts';
import { SERVERMGR_VARIABLES } from '../../src/config/servermgr-variables.ts';
import { SESSION_VARIABLES } from '../../src/config/session-variables.ts';
import * as values from '../../src/config/values.ts';

test.each(Object.entries({ ...SERVERMGR_VARIABLES, ...SESSION_VARIABLES }))(
  'each default of %s is a text that a user could have written',
  (_, { schema, defaults }) => {
    for (const text of Object.values(defaults)) {
      if (text !== undefined) expect(is(schema, text), text).toBe(true);
    }
  },
);

test('a default is described by its text, by its cases, or in words', () => {
  const described = [
    variable(values.duration, '10s', ''),
    variableByCase(values.durationOrOff, { usual: 'off', 'for Cuberite': '15m' }, ''),
    optional(values.globs, 'everything', ''),
    flag('children get it'),
  ].map(one => describeDefault(one, text => `\`${text}\``));
  expect(described).toEqual(['`10s`', '`off`; `15m` for Cuberite', 'everything', 'empty']);
});
