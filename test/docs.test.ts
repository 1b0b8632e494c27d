import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { generatedPages } from '../scripts/docs.ts';
import { parseSessionConfig } from '../src/config/session.ts';
import { chooser } from '../src/files/selection.ts';
import { SERVERMGR_EVENTS, SESSION_EVENTS } from '../src/runtime/log-events.ts';
import { FACTS } from './stores/facts.ts';

const ROOT = resolve(import.meta.dirname, '..');

test.each(Object.entries(generatedPages()))('%s is what `npm run docs` makes of the code', (path, text) => {
  expect(readFileSync(resolve(ROOT, path), 'utf8'), 'out of date: run `npm run docs`').toBe(text);
});

test("the recipe of the script's own selection takes every file that the archive's readers look for", () => {
  const recipe = /`SESSION_INCLUDE='([^']+)'`/.exec(
    readFileSync(resolve(ROOT, 'docs/settings.md'), 'utf8'),
  )?.[1];
  const env = { SESSION_DESTINATION: '/saved', SESSION_INCLUDE: recipe };
  const { include } = parseSessionConfig(env, { cwd: '/', terminal: false, now: new Date() }).config.save;
  const { includes } = chooser({ root: '/played', include, exclude: [], excludedPaths: [] });
  const read = [
    ...['agent.log', 'cuberite_process.log', 'nsp_outputs.csv', 'error_details.csv', 'job_metadata.json'],
    ...['interaction_loggings.json', 'interaction_loggings_6e0f1c.json'],
  ];
  expect(read.filter(name => !includes(Buffer.from(name)))).toEqual([]);
  expect(includes(Buffer.from('cuberite/world/region/r.0.0.mca'))).toBe(false);
});

/** Whether a row tells what real stores do is measured by test/stores/facts.test.ts. */
test('docs/stores.md has a row, and what it means, for each fact that is measured, and no other', () => {
  const lines = readFileSync(resolve(ROOT, 'docs/stores.md'), 'utf8').split('\n');
  const found = (pattern: RegExp) => lines.flatMap(line => pattern.exec(line)?.[1] ?? []);
  const [heading, , ...rows] = found(/^\| (.+?) \|/);
  const facts = FACTS.map(({ name }) => name);
  expect(heading).toBe('what');
  expect(rows).toEqual(facts);
  expect(found(/^- \*\*(.+?)\*\*/)).toEqual(facts);
});

test('docs/guarantees.md names tests and commands that exist', () => {
  const text = readFileSync(resolve(ROOT, 'docs/guarantees.md'), 'utf8');
  const missing: string[] = [];
  for (const [, path = '', name] of text.matchAll(/`(test\/[\w./-]+\.ts)`(?:: ([^|;)\n]+?))?(?= \||[;)])/g)) {
    const code = readFileSync(resolve(ROOT, path), 'utf8');
    if (name !== undefined && !code.includes(name)) missing.push(`${path}: ${name}`);
  }
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'));
  for (const [, command = ''] of text.matchAll(/`npm run ([\w:-]+)/g))
    if (!(command in scripts)) missing.push(command);
  expect(missing).toEqual([]);
});

test('docs/guarantees.md has a test or a command for each of its rows', () => {
  const lines = readFileSync(resolve(ROOT, 'docs/guarantees.md'), 'utf8').split('\n');
  const rows = lines.filter(line => line.startsWith('| ') && !line.startsWith('| ---'));
  const promises = rows.filter(row => !/\| (held|shown) by \|$/.test(row));
  expect(promises.length).toBeGreaterThan(20);
  const shown = /`(test\/[\w./-]+\.ts`: |npm run )[^|]*\|$/;
  expect(promises.filter(row => !shown.test(row))).toEqual([]);
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
