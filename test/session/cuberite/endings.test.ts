/** @module-tag slow */

import { execFile } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { readReport, type SessionFixture } from '../../support/session.ts';
import { AGENT_STAYS, ENDINGS } from './endings.ts';
import { serverPid, test } from './support.ts';

/** What the archive holds of the world; empty: it was not saved. */
async function savedWorld({ sessions }: SessionFixture): Promise<string> {
  const { stdout } = await promisify(execFile)('tar', ['tzf', join(sessions, 'test/logs.tar.gz')]);
  return stdout
    .split('\n')
    .filter(name => name.endsWith('.mca'))
    .join(' ');
}

describe.concurrent('after the ending', () => {
  for (const [by, { env, prepare, act, code, world }] of Object.entries(ENDINGS)) {
    test(`"${by}" the world is ${world ? 'in the archive' : 'not there to be saved'}`, async ({
      cuberite,
    }) => {
      await prepare?.(cuberite);
      if (act === undefined) expect(await cuberite.run(env)).toMatchObject({ code });
      else {
        const session = cuberite.start(env);
        await act(session, cuberite);
        expect(await session.ended(), session.stderr()).toEqual({ code, signal: null });
      }
      expect((await readReport(cuberite.sessions)).end.by).toBe(by);
      expect(await savedWorld(cuberite)).toEqual(world ? expect.stringContaining('r.0.0.mca') : '');
    });
  }

  test('"destination-refused" there is neither a world nor an archive', async ({ cuberite }) => {
    await writeFile(cuberite.sessions, 'a file');
    const session = cuberite.start();
    expect(await session.ended(), session.stderr()).toEqual({ code: 64, signal: null });
    expect(session.report().end.by).toBe('destination-refused');
  });

  test('"server-exited" by SIGKILL the world is lost, the logs are saved, and the code is 11', {
    tags: ['slow'],
  }, async ({ cuberite }) => {
    const session = cuberite.start(AGENT_STAYS);
    process.kill(await serverPid(session), 'SIGKILL');
    expect(await session.ended()).toEqual({ code: 11, signal: null });
    expect(await savedWorld(cuberite)).toBe('');
    expect((await stat(join(cuberite.sessions, 'test/logs.tar.gz'))).size).toBeGreaterThan(0);
  });

  test('"server-ended-by-plugin" the report says that the world was not saved', { tags: ['slow'] }, async ({
    cuberite,
  }) => {
    const ending = ENDINGS['server-ended-by-plugin'];
    const session = cuberite.start(ending.env);
    await ending.act?.(session, cuberite);
    await session.ended();
    expect(session.report().end.text).toContain('the world was not saved');
  });
});
