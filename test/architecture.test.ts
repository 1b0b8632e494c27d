import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SESSION_VARIABLES } from '../src/config/session-variables.ts';
import { EXIT_CODES } from '../src/session/end-reason.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

/**
 * What the files of a folder may import besides one another: folders, or single files. The longest name that a path
 * begins with is its rule; a file without a rule is an error.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli', 'runtime'],
  cli: [
    ...[
      'session',
      'save',
      'catalogue',
      'unpack',
      'verify',
      'report',
      'journal',
      'process',
      'minecraft',
      'archive',
      'store',
      'control-socket',
    ],
    ...['config', 'files', 'runtime'],
  ],
  session: [
    ...['save', 'report', 'journal', 'process', 'minecraft', 'archive', 'store', 'control-socket'],
    ...['config', 'files', 'runtime'],
  ],
  'session/monitoring': [
    ...['session/runtime.ts', 'session/status.ts', 'report/schema.ts'],
    ...['webhook', 'config', 'runtime'],
  ],
  save: ['report', 'journal', 'archive', 'archive-index', 'store', 'config', 'files', 'runtime'],
  // What lies at a destination, for whoever looks after many sessions.
  verify: ['catalogue', 'unpack', 'report', 'journal', 'store', 'config', 'files', 'runtime'],
  catalogue: [
    'save/archive-name.ts',
    'archive-index',
    'unpack',
    'report',
    'journal',
    'store',
    'config',
    'files',
    'runtime',
  ],
  report: ['store', 'config', 'files', 'runtime'],
  'journal/format': ['files', 'runtime'],
  'journal/writer': ['journal/format', 'store', 'files', 'runtime'],
  'journal/reader': ['journal/format', 'store', 'files', 'runtime'],
  'journal/fences.ts': ['journal/format', 'journal/reader', 'store', 'runtime'],
  'journal/delete.ts': ['journal/fences.ts', 'journal/format', 'store', 'files', 'runtime'],
  'journal/takeover.ts': [
    'journal/delete.ts',
    'journal/fences.ts',
    'journal/format',
    'journal/reader',
    'store',
    'runtime',
  ],
  process: ['config', 'files', 'runtime'],
  minecraft: ['config', 'files', 'runtime'],
  'archive-index': ['config', 'files'],
  archive: ['archive-index', 'process/exit-status.ts', 'config', 'files', 'runtime'],
  store: ['config', 'files', 'runtime'],
  'control-socket': ['config', 'files', 'runtime'],
  unpack: ['files', 'runtime'],
  webhook: ['files', 'runtime'],
  config: ['runtime'],
  files: ['runtime'],
  runtime: [],
  servermgr: [
    ...['config', 'runtime', 'files', 'store', 'webhook'],
    ...['report/schema.ts', 'report/saved-report.ts', 'report/session-folder.ts'],
    // The log of a session that runs, and how far its recovery is, are in its journal: it is read, and never written.
    ...['journal/format', 'journal/reader/find.ts', 'journal/reader/tail.ts'],
    ...['process/procfs.ts', 'process/process-group.ts', 'process/child.ts'],
    ...['process/exit-status.ts', 'minecraft/ping.ts', 'minecraft/player-count.ts', 'minecraft/readiness.ts'],
  ],
};

/** What one file or folder alone may do, or a few. */
const ONLY_IN: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  readonly where: readonly string[];
}[] = [
  {
    what: 'node:child_process',
    pattern: /'node:child_process'/,
    where: ['process/child.ts', 'files/holes.ts', 'archive/archiver-process.ts'],
  },
  { what: 'the tar package', pattern: /from 'tar[/']/, where: ['files/tar.ts'] },
  {
    what: 'the AWS SDK',
    pattern: /'@(aws-sdk|smithy)\//,
    where: ['store/s3', 'servermgr/launchers/ecs'],
  },
  {
    what: 'the environment, signals, exit code and arguments of the process',
    pattern: /process\.(env|on|once|exit|exitCode|argv)\b/,
    where: ['main.ts', 'runtime/leave.ts', 'servermgr/main.ts', 'archive/archiver-main.ts'],
  },
  {
    what: 'deleting from a store',
    pattern: /\b(store|destination)\.delete\(/,
    where: ['journal/delete.ts', 'journal/reader/standing.ts', 'save/delete-replaced.ts', 'store'],
  },
  {
    what: 'putting a file in its place',
    // Docker renames a container by a method of that name.
    pattern: /(?<!\bcontainer\.)\b(rename|renameSync|link|linkSync)\(/,
    where: [
      'files/atomic-write.ts',
      ...['cli/get.ts', 'unpack/extract.ts'],
      ...['assemble', 'rebuild', 'write-files'].map(file => `journal/reader/${file}.ts`),
    ],
  },
  {
    what: 'AbortSignal.timeout',
    pattern: /\bAbortSignal\.timeout\(/,
    where: ['runtime/abort.ts', 'runtime/deadline.ts'],
  },
];

interface SourceFile {
  /** Relative to src. */
  readonly path: string;
  readonly text: string;
  /** Files of src that it imports, relative to src. */
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
    const imports = Array.from(found, ([, name = '']) =>
      relative(SRC, resolve(dirname(join(SRC, path)), name)),
    );
    return { path, text, imports };
  });

const isIn = (path: string, place: string) => path === place || path.startsWith(`${place}/`);

function ruleOf(path: string): string | undefined {
  const rules = Object.keys(MAY_IMPORT).filter(rule => isIn(path, rule));
  return rules.sort((a, b) => b.length - a.length)[0];
}

describe('the source tree', () => {
  test('has a rule for every file', () => {
    expect(files.map(({ path }) => path).filter(path => ruleOf(path) === undefined)).toEqual([]);
  });

  test('imports only what the rules allow: down, never up or sideways', () => {
    const faults = files.flatMap(({ path, imports }) => {
      const rule = ruleOf(path) ?? '';
      const allowed = [rule, ...(MAY_IMPORT[rule] ?? [])];
      const isAllowed = (imported: string) =>
        allowed.some(place => isIn(imported, place)) || imported.startsWith('../package.json');
      return imports.filter(imported => !isAllowed(imported)).map(imported => `${path} -> ${imported}`);
    });
    expect(faults).toEqual([]);
  });

  test.each(ONLY_IN)('has one place for $what', ({ pattern, where }) => {
    const users = files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
    expect(users.filter(path => !where.some(place => isIn(path, place)))).toEqual([]);
  });
});

describe('docs/settings.md', () => {
  const settings = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8');

  test.each(Object.keys(SESSION_VARIABLES))('explains %s', name => {
    expect(settings).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  });

  test.each(EXIT_CODES)('explains the exit code $code as --help does', ({ code, meaning }) => {
    expect(settings).toContain(`| ${code} | ${meaning} |`);
  });
});

describe('the README', () => {
  test('names every package that the supervisor is built with', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const missing = Object.keys(dependencies).filter(name => !readme.includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});
