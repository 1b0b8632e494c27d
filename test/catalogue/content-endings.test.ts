/**
 * @module-tag slow
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cat } from '../../src/cli/cat.ts';
import { get } from '../../src/cli/get.ts';
import { placeIn, playBeforeAll } from '../support/placed-sessions.ts';
import type { EndingName } from '../support/sessions-of-every-ending.ts';
import { openFolder, openS3, runCommand } from './support.ts';

const { objectsOf, nameOf } = playBeforeAll();

async function placed(ending: EndingName): Promise<{ folder: string; session: string }> {
  const folder = await openFolder();
  await placeIn(join(folder, 'sessions'), objectsOf(ending));
  return { folder, session: `sessions/${nameOf(ending)}` };
}

test.each(['saved', 'recovered', 'killed', 'inJournal', 'archiveOnly'] as const)(
  'of a session that ended so (%s) the log is printed, and all of it unpacked',
  async ending => {
    const { folder, session } = await placed(ending);
    const at = ending === 'archiveOnly' ? session.replace('sessions/', 'sessions/turk/4711/') : session;
    const printed = await runCommand(cat, folder, [at, 'supervisor.log']);
    expect({ code: printed.code, stderr: printed.stderr }).toEqual({ code: 0, stderr: [] });
    expect(printed.lines.map(line => JSON.parse(line).event)).toContain('session_started');
    const got = await runCommand(get, folder, [at, 'got']);
    expect({ code: got.code, stderr: got.stderr }).toEqual({ code: 0, stderr: [] });
    expect(await readdir(join(folder, 'got'))).toContain('supervisor.log');
  },
);

test.each(['saved', 'killed'] as const)(
  'of a bucket as well (%s), in which nothing changes',
  async ending => {
    const folder = await openFolder();
    const objects = objectsOf(ending).map(({ key, ...rest }) => ({ key: `sessions/${key}`, ...rest }));
    const { s3, env } = await openS3({ objects });
    const before = s3.objects();
    const url = `s3://bucket/sessions/${nameOf(ending)}`;
    const printed = await runCommand(cat, folder, [url, 'supervisor.log'], { env });
    expect({ code: printed.code, stderr: printed.stderr }).toEqual({ code: 0, stderr: [] });
    const got = await runCommand(get, folder, [url, 'got'], { env });
    expect({ code: got.code, stderr: got.stderr }).toEqual({ code: 0, stderr: [] });
    expect(await readFile(join(folder, 'got', 'supervisor.log'), 'utf8')).toBe(
      `${printed.lines.join('\n')}\n`,
    );
    expect(s3.objects()).toEqual(before);
  },
);

test('the right to read that is missing is named, and the code is 77', async () => {
  const folder = await openFolder();
  const objects = objectsOf('saved').map(({ key, ...rest }) => ({ key: `sessions/${key}`, ...rest }));
  const { env } = await openS3({ objects, faults: [{ match: { operation: 'GetObject' }, do: 'deny' }] });
  const { code, stderr } = await runCommand(get, folder, [`s3://bucket/sessions/${nameOf('saved')}`, 'got'], {
    env,
  });
  expect({ code, stderr }).toEqual({
    code: 77,
    stderr: [expect.stringContaining('Allow s3:GetObject on arn:aws:s3:::bucket/sessions/*')],
  });
});

test.each(['lost', 'claimOnly', 'archiveGone'] as const)(
  'of a session that ended so (%s) nothing is there, and show is named',
  async ending => {
    const { folder, session } = await placed(ending);
    for (const [command, ...args] of [[cat] as const, [get, 'got'] as const]) {
      const { code, stderr } = await runCommand(command, folder, [session, ...args]);
      expect(code).toBe(66);
      expect(stderr.at(-1)).toMatch(
        /^nothing of it is there to \w+: see craftassist-session show sessions\//,
      );
    }
  },
);
