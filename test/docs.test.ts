import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { generatedPages } from '../scripts/docs.ts';
import { SERVERMGR_EVENTS, SESSION_EVENTS } from '../src/runtime/log-events.ts';

const ROOT = resolve(import.meta.dirname, '..');

test.each(Object.entries(generatedPages()))('%s is what `npm run docs` makes of the code', (path, text) => {
  expect(readFileSync(resolve(ROOT, path), 'utf8'), 'out of date: run `npm run docs`').toBe(text);
});

const sources = readdirSync(resolve(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => readFileSync(resolve(ROOT, 'src', path), 'utf8'))
  .join('\n');

test.each(Object.keys({ ...SESSION_EVENTS, ...SERVERMGR_EVENTS }))(
  'the log event %s is written somewhere',
  event => {
    expect(sources).toMatch(new RegExp(`\\bevent: [^,}\\n]*'${event}'`));
  },
);
