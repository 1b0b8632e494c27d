import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VARIABLE_NAMES } from '../src/config/session-variables.ts';
import { EXIT_CODES } from '../src/session/end-reason.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

/** Which rooms a room may look into, besides `config`, `outcome` and what is below all of them. */
const BELOW = ['config', 'format'];
const ROOMS = ['child', 'server', 'cuberite', 'archive', 'destination', 'journal', 'door', 'servermgr'];

/** What a room may know of others, and nothing else of them. */
const KNOWN: Record<string, RegExp> = {
  journal: /^destination\/destination\.ts$/,
  servermgr: /^(destination\/|server\/(ping|status)\.ts$)/,
};

interface SourceFile {
  /** Relative to src. */
  readonly path: string;
  readonly text: string;
  /** What it imports: paths relative to src, or packages. */
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
    const imports = Array.from(found, ([, name = '']) =>
      name.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, path)), name)) : name,
    );
    return { path, text, imports };
  });

const roomOf = (path: string) => (path.includes('/') ? path.split('/')[0] : undefined);

function importersOf(name: RegExp): string[] {
  return files.filter(({ imports }) => imports.some(imported => name.test(imported))).map(({ path }) => path);
}

describe('in this house', () => {
  test('rooms do not look into one another', () => {
    const faults = files.flatMap(({ path, imports }) => {
      const room = roomOf(path);
      if (room === undefined || !ROOMS.includes(room)) return [];
      return imports
        .filter(imported => ROOMS.includes(roomOf(imported) ?? '') && roomOf(imported) !== room)
        .filter(imported => !KNOWN[room]?.test(imported))
        .map(imported => `${path} -> ${imported}`);
    });
    expect(faults).toEqual([]);
  });

  test('what is below the rooms does not look up', () => {
    const faults = files
      .filter(({ path }) => BELOW.includes(roomOf(path) ?? ''))
      .flatMap(({ path, imports }) =>
        imports
          .filter(imported => imported.endsWith('.ts') && !BELOW.includes(roomOf(imported) ?? ''))
          .map(imported => `${path} -> ${imported}`),
      );
    expect(faults).toEqual([]);
  });

  test('the story does not know who tells it: only commands and main import commands', () => {
    const importers = files.filter(({ imports }) =>
      imports.some(imported => imported.startsWith('commands/')),
    );
    const strangers = importers
      .map(({ path }) => path)
      .filter(path => path !== 'main.ts' && !path.startsWith('commands/'));
    expect(strangers).toEqual([]);
  });

  test('one file alone imports execa, and one the tar package', () => {
    expect(importersOf(/^execa$/)).toEqual(['child/start.ts']);
    expect(importersOf(/^tar(\/|$)/)).toEqual(['format/tar.ts']);
  });

  test('the AWS SDK is imported in the destination room, and by the launcher on ECS', () => {
    const strangers = importersOf(/^@(aws-sdk|smithy)\//).filter(
      path => !path.startsWith('destination/') && !path.startsWith('servermgr/'),
    );
    expect(strangers).toEqual([]);
  });

  test('programs alone touch the process: its environment, its signals and its exit code', () => {
    const touching = files.filter(({ text }) => /process\.(env|on|once|exit|exitCode|argv)\b/.test(text));
    expect(touching.map(({ path }) => path).filter(path => !path.endsWith('main.ts'))).toEqual([]);
  });
});

describe('the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

  test.each(VARIABLE_NAMES)('explains %s', name => {
    expect(readme).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  });

  test.each(EXIT_CODES)('explains the exit code $code as --help does', ({ code, meaning }) => {
    expect(readme).toContain(`| ${code} | ${meaning} |`);
  });

  test('names every package that the supervisor is built with', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const missing = Object.keys(dependencies).filter(name => !readme.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});
