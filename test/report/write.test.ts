import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../src/report/schema.ts';
import { writeReport } from '../../src/report/write.ts';

const REPORT: Report = {
  format: 1,
  session: 'test',
  end: { by: 'everybody-left', text: 'everybody had left' },
  saved: 'lost',
  exitCode: 20,
  startedAt: '2025-01-01T00:00:00.000Z',
  endedAt: '2025-01-01T00:01:00.000Z',
  phases: [],
  children: [],
  survivors: [],
  faults: [],
  notices: [],
  supervisor: { version: '1', commit: 'checkout', node: 'v24' },
};

test.for(['session.json', 'session.json.part'])(
  'a link in place of %s is not written through',
  async name => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [workdir, victim] = [join(folder, 'work'), join(folder, 'victim')];
    await mkdir(workdir);
    await writeFile(victim, 'of root alone', { mode: 0o600 });
    await symlink(victim, join(workdir, name));
    await writeReport(REPORT, {
      targets: [],
      workdir,
      startDeadline: () => ({
        signal: AbortSignal.abort(new Error('it goes to no store')),
        leftMs: () => 0,
        [Symbol.dispose]: () => undefined,
      }),
      log: pino({ level: 'silent' }),
    });
    expect(await readFile(victim, 'utf8')).toBe('of root alone');
    expect(JSON.parse(await readFile(join(workdir, 'session.json'), 'utf8'))).toEqual(REPORT);
  },
);
