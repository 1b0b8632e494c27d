import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';

const files = { SESSION_AGENT_COMMAND: program('agent-writes-files', 'leave') };

async function namesIn(archive: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('tar', ['tzf', archive, '--quoting-style=literal']);
  return stdout.trim().split('\n').sort();
}

describe.concurrent('an archive', () => {
  test('lies at <destination>/<TIMESTAMP>/<archive>, and a report beside it tells its sha256', async ({
    fixture,
    run,
  }) => {
    expect((await run(files)).code).toBe(0);
    const folder = join(fixture.sessions, 'test');
    expect((await readdir(folder)).sort()).toEqual(['logs.tar.gz', 'session.json']);
    const { stdout } = await promisify(execFile)('sha256sum', [join(folder, 'logs.tar.gz')]);
    const { archive } = await readReport(folder);
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

  test("holds the script's own selection where that is asked for", async ({ fixture, run }) => {
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

  test('that is there already is never overwritten: the new one takes the next free name', async ({
    fixture,
    run,
  }) => {
    const folder = join(fixture.sessions, 'test');
    for (const number of ['', '.2', '.3']) {
      expect((await run()).code).toBe(0);
      const { archive } = await readReport(folder, `session${number}.json`);
      expect(archive?.key).toBe(`test/logs${number}.tar.gz`);
    }
    expect((await readdir(folder)).sort()).toEqual([
      'logs.2.tar.gz',
      'logs.3.tar.gz',
      'logs.tar.gz',
      'session.2.json',
      'session.3.json',
      'session.json',
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

  test('leaves a destination inside the working directory out', async ({ fixture, run }) => {
    await mkdir(join(fixture.workdir, 'out'), { recursive: true });
    await writeFile(join(fixture.workdir, 'out/earlier'), 'x');
    await run({ SESSION_DESTINATION: join(fixture.workdir, 'out') });
    const names = await namesIn(join(fixture.workdir, 'out/test/logs.tar.gz'));
    expect(names.filter(name => name.startsWith('out'))).toEqual([]);
    expect(names).toContain('agent.log');
  });

  test('may be a plain tar, or zstd', async ({ fixture, run }) => {
    for (const name of ['all.tar', 'all.tar.zst']) {
      await run({ SESSION_ARCHIVE: name });
      const { stdout } = await promisify(execFile)('tar', ['tf', join(fixture.sessions, 'test', name)]);
      expect(stdout).toContain('agent.log');
    }
  });
});

describe.concurrent("a crowd-sourcing experiment's id", () => {
  const experiment = (id: string) => ({ SESSION_AGENT_COMMAND: program('agent-names-its-experiment', id) });

  test('becomes part of the key', async ({ fixture, run }) => {
    await run(experiment('3X.A-b_9'));
    const { archive } = await readReport(join(fixture.sessions, 'turk/3X.A-b_9/test'));
    expect(archive?.key).toBe('turk/3X.A-b_9/test/logs.tar.gz');
  });

  for (const id of ['..', 'a/b', '', 'x'.repeat(129)]) {
    test(`${JSON.stringify(id.slice(0, 10))} is left out of the key and reported: nothing is lost`, async ({
      fixture,
      run,
    }) => {
      expect((await run(experiment(id))).code).toBe(0);
      const { archive, notices } = await readReport(join(fixture.sessions, 'test'));
      expect(archive?.key).toBe('test/logs.tar.gz');
      expect(notices).toEqual([expect.stringContaining('turk_experiment_id.txt')]);
    });
  }
});

describe.concurrent("the supervisor's log", () => {
  test('does not follow a link: the session goes on, with the console only', async ({ fixture }) => {
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
      await readFile(join(fixture.sessions, 'test/session.json'), 'utf8'),
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
