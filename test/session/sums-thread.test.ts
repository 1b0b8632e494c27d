import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { SUPERVISOR } from '../support/built.ts';
import { program, readReport } from '../support/session.ts';
import { test } from '../support/session-test.ts';

/** All that a session needs, and no thread: Node refuses to start one. */
const WITHOUT_THREADS = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-child-process'];
/** A core that this process may use. */
const [, core = ''] = /Cpus_allowed_list:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];

const node = process.execPath;

test.for([
  { where: 'there is a thread for the sums', command: [node], tries: 1 },
  { where: 'no thread can be started', command: [node, ...WITHOUT_THREADS], tries: 2 },
  {
    where: 'there is no core for one, and none is tried',
    command: ['taskset', '--cpu-list', core, node, ...WITHOUT_THREADS],
    tries: 1,
  },
])(
  'a session of 40 MiB is saved where $where',
  { tags: ['slow'] },
  async ({ command, tries }, { fixture }) => {
    await mkdir(fixture.workdir, { recursive: true });
    await writeFile(join(fixture.workdir, 'world.bin'), Buffer.alloc(40 << 20, 'world'));
    const env = {
      ...fixture.environment,
      SESSION_AGENT_COMMAND: program('agent-writes-files', 'leave'),
      SESSION_ARCHIVE: 'logs.tar',
    };
    const [executable = '', ...args] = [...command, SUPERVISOR];
    const { stdout } = await promisify(execFile)(executable, args, { env });
    const faults = stdout.split('\n').filter(line => line.includes('"sums_thread_failed"'));
    expect(faults).toHaveLength(tries - 1);
    for (const fault of faults)
      expect(fault).toContain('the thread of the sums could not be started: Access to this API');
    const { archive } = await readReport(fixture.sessions);
    const saved = await readFile(join(fixture.sessions, 'test/logs.tar'));
    expect(archive).toMatchObject({ tries, verified: true, sha256: hash('sha256', saved) });
  },
);
