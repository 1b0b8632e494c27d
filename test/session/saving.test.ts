import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { filesBelow, program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const files = { SESSION_AGENT_COMMAND: program('agent-writes-files', 'leave') };

async function namesIn(archive: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('tar', ['tzf', archive, '--quoting-style=literal']);
  return stdout.trim().split('\n').sort();
}

describe.concurrent('an archive', () => {
  test('lies alone at <destination>/<TIMESTAMP>/<archive>, and the report tells its sha256', async ({
    fixture,
    run,
  }) => {
    expect((await run(files)).code).toBe(0);
    expect(await filesBelow(fixture.sessions)).toEqual([
      '.sessions/test/archive-index.jsonl.gz',
      '.sessions/test/claim.json',
      '.sessions/test/session.json',
      'test/logs.tar.gz',
    ]);
    const { stdout } = await promisify(execFile)('sha256sum', [join(fixture.sessions, 'test/logs.tar.gz')]);
    const { archive } = await readReport(fixture.sessions);
    expect(archive).toMatchObject({ key: 'test/logs.tar.gz', sha256: stdout.slice(0, 64), verified: true });
  });

  test('holds all that the children wrote, empty folders and odd names included', async ({
    fixture,
    run,
  }) => {
    await run(files);
    expect(await namesIn(join(fixture.sessions, 'test/logs.tar.gz'))).toEqual(
      [
        'agent.log',
        'cuberite_process.log',
        'debug.log',
        'job_metadata.json',
        'memory/',
        'memory/empty/',
        'memory/moves.csv',
        'memory/ünïcödé name.bin',
        'supervisor.log',
        'world/',
        'world/saved',
      ].sort(),
    );
  });

  test("holds the script's own selection where that is asked for", { tags: ['slow'] }, async ({
    fixture,
    run,
  }) => {
    await run({ ...files, SESSION_INCLUDE: '*.log,*.csv,job_metadata.json' });
    expect(await namesIn(join(fixture.sessions, 'test/logs.tar.gz'))).toEqual([
      'agent.log',
      'cuberite_process.log',
      'debug.log',
      'job_metadata.json',
      'memory/',
      'memory/moves.csv',
      'supervisor.log',
    ]);
  });

  test('leaves out what is excluded', async ({ fixture, run }) => {
    await run({ ...files, SESSION_EXCLUDE: 'memory,*.log' });
    expect(await namesIn(join(fixture.sessions, 'test/logs.tar.gz'))).toEqual([
      'job_metadata.json',
      'world/',
      'world/saved',
    ]);
  });

  test('of a second session of the same name has a name of its own, as the report has', {
    tags: ['slow'],
  }, async ({ fixture, run }) => {
    for (const name of ['test', 'test.2', 'test.3']) {
      expect((await run()).code).toBe(0);
      const { archive, session, notices } = await readReport(fixture.sessions, name);
      expect({ key: archive?.key, session, notices }).toEqual({
        key: `${name}/logs.tar.gz`,
        session: name,
        notices: [],
      });
    }
    expect(await filesBelow(fixture.sessions)).toEqual(
      ['test', 'test.2', 'test.3']
        .flatMap(name => [
          `.sessions/${name}/archive-index.jsonl.gz`,
          `.sessions/${name}/claim.json`,
          `.sessions/${name}/session.json`,
          `${name}/logs.tar.gz`,
        ])
        .sort(),
    );
  });

  test("of an older program is never overwritten: the new one's takes the next name", {
    tags: ['slow'],
  }, async ({ fixture, run }) => {
    await mkdir(join(fixture.sessions, 'test'), { recursive: true });
    await writeFile(join(fixture.sessions, 'test/logs.tar.gz'), 'older');
    expect((await run()).code).toBe(0);
    const { archive, session } = await readReport(fixture.sessions);
    expect({ key: archive?.key, session }).toEqual({ key: 'test.2/logs.tar.gz', session: 'test' });
    expect(await readFile(join(fixture.sessions, 'test/logs.tar.gz'), 'utf8')).toBe('older');
    expect((await run()).code).toBe(0);
    expect((await readReport(fixture.sessions, 'test.3')).archive?.key).toBe('test.3/logs.tar.gz');
  });

  test('lies where SESSION_KEY says, and nothing else does', { tags: ['slow'] }, async ({ fixture, run }) => {
    const env = {
      SESSION_KEY: '[{experiment}/interaction/]{timestamp}',
      TURK_EXPERIMENT_ID: '20260131120000',
    };
    expect((await run(env)).code).toBe(0);
    expect(await filesBelow(fixture.sessions)).toEqual([
      '.sessions/test/archive-index.jsonl.gz',
      '.sessions/test/claim.json',
      '.sessions/test/session.json',
      '20260131120000/interaction/test/logs.tar.gz',
    ]);
  });

  test('stays in the working directory with CRAFTASSIST_NO_UPLOAD, and holds neither itself nor those before it', async ({
    fixture,
    run,
  }) => {
    const env = { ...files, CRAFTASSIST_NO_UPLOAD: '1', SESSION_DESTINATION: undefined };
    expect((await run(env)).code).toBe(0);
    expect((await run(env)).code).toBe(0);
    expect(await readdir(fixture.workdir)).toEqual(
      expect.arrayContaining(['logs.tar.gz', 'logs.2.tar.gz', 'session.json', 'session.2.json']),
    );
    const names = await namesIn(join(fixture.workdir, 'logs.2.tar.gz'));
    expect(names).toContain('agent.log');
    expect(names.filter(name => /tar\.gz|session/.test(name))).toEqual([]);
  });

  test('leaves a destination inside the working directory out', { tags: ['slow'] }, async ({
    fixture,
    run,
  }) => {
    await mkdir(join(fixture.workdir, 'out'), { recursive: true });
    await writeFile(join(fixture.workdir, 'out/earlier'), 'x');
    await run({ SESSION_DESTINATION: join(fixture.workdir, 'out') });
    const names = await namesIn(join(fixture.workdir, 'out/test/logs.tar.gz'));
    expect(names.filter(name => name.startsWith('out'))).toEqual([]);
    expect(names).toContain('agent.log');
  });

  test('may be a plain tar, or zstd', { tags: ['slow'] }, async ({ fixture, run }) => {
    for (const name of ['all.tar', 'all.tar.zst']) {
      await run({ SESSION_ARCHIVE: name, TIMESTAMP: name });
      const { stdout } = await promisify(execFile)('tar', ['tf', join(fixture.sessions, name, name)]);
      expect(stdout).toContain('agent.log');
    }
  });
});

describe.concurrent("a crowd-sourcing experiment's id", () => {
  const experiment = (id: string) => ({ SESSION_AGENT_COMMAND: program('agent-names-its-experiment', id) });

  test('becomes part of the key', async ({ fixture, run }) => {
    await run(experiment('3X.A-b_9'));
    const { archive } = await readReport(fixture.sessions);
    expect(await readdir(join(fixture.sessions, 'turk/3X.A-b_9/test'))).toEqual(['logs.tar.gz']);
    expect(archive?.key).toBe('turk/3X.A-b_9/test/logs.tar.gz');
  });

  test('in the working directory counts more than one in the environment', { tags: ['slow'] }, async ({
    fixture,
    run,
  }) => {
    await run({ ...experiment('X1'), TURK_EXPERIMENT_ID: 'X2' });
    expect((await readReport(fixture.sessions)).archive?.key).toBe('turk/X1/test/logs.tar.gz');
  });

  for (const id of ['..', 'a/b', '', 'x'.repeat(129)]) {
    test(`${JSON.stringify(id.slice(0, 10))} is left out of the key and reported: nothing is lost`, {
      tags: ['slow'],
    }, async ({ fixture, run }) => {
      expect((await run(experiment(id))).code).toBe(0);
      const { archive, notices } = await readReport(fixture.sessions);
      expect(archive?.key).toBe('test/logs.tar.gz');
      expect(notices).toEqual([expect.stringContaining('turk_experiment_id.txt')]);
    });
  }
});

describe.concurrent("the supervisor's log", () => {
  test('does not follow a link: the session goes on, with the console only', { tags: ['slow'] }, async ({
    fixture,
  }) => {
    const victim = join(fixture.sessions, 'victim');
    for (const folder of [fixture.sessions, fixture.workdir]) await mkdir(folder, { recursive: true });
    await writeFile(victim, 'untouched');
    await symlink(victim, join(fixture.workdir, 'supervisor.log'));
    const session = fixture.start(files);
    expect((await session.ended()).code).toBe(0);
    expect(session.stdout()).toContain('supervisor_log_unwritable');
    expect(await readFile(victim, 'utf8')).toBe('untouched');
  });
});

describe.concurrent('secrets', () => {
  test('reach no child, no log and no report', async ({ fixture }) => {
    const secrets = {
      AWS_ACCESS_KEY_ID: 'AKIASECRET',
      AWS_SECRET_ACCESS_KEY: 'verysecret',
      AWS_SESSION_TOKEN: 'tokensecret',
    };
    const session = fixture.start({
      ...secrets,
      RUN_SH_GZ_B64: 'scriptsecret',
      SESSION_AGENT_COMMAND: program('agent-prints-environment'),
      SESSION_LOG_LEVEL: 'trace',
    });
    expect((await session.ended()).code).toBe(0);
    const told = [
      session.stdout(),
      session.stderr(),
      await readFile(join(fixture.workdir, 'environment.json'), 'utf8'),
      await readFile(join(fixture.workdir, 'supervisor.log'), 'utf8'),
      await readFile(join(fixture.sessions, '.sessions/test/session.json'), 'utf8'),
    ].join('\n');
    expect(told).not.toMatch(/AKIASECRET|verysecret|tokensecret|scriptsecret/);
  });
});

describe.concurrent('a session without a place', () => {
  test('that can be written is refused before anything starts', async ({ fixture }) => {
    await writeFile(fixture.sessions, 'a file, not a folder');
    const session = fixture.start();
    expect((await session.ended()).code).toBe(64);
    expect(session.stdout()).not.toContain('process_started');
    await expect(readdir(join(fixture.workdir, 'world'))).rejects.toThrow('ENOENT');
  });

  test('in the configuration tells every fault, each with its remedy', async ({ fixture }) => {
    const session = fixture.start({ SESSION_DESTINATION: 's3:bucket', SESSION_STOP_GRACE: 'x' });
    expect((await session.ended()).code).toBe(64);
    expect(session.stderr()).toContain('write s3://bucket/prefix');
    expect(session.stderr()).toContain('SESSION_STOP_GRACE');
  });
});

test('two sessions never share a working directory', async ({ fixture }) => {
  const first = fixture.start({ SESSION_AGENT_COMMAND: program('agent-runs') });
  await first.logged('"event":"process_started","child":"agent"');
  const second = fixture.start({ TIMESTAMP: 'second' });
  expect((await second.ended()).code).toBe(64);
  expect(second.stderr()).toContain('another session is running');
  first.signal('SIGTERM');
  expect((await first.ended()).code).toBe(0);
});
