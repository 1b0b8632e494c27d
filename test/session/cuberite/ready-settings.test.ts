/** @module-tag slow */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { readReport } from '../../support/session.ts';
import { agentStarted, type CuberiteFixture, test } from './support.ts';

/**
 * As the readers of logging.bin begin: version, then a record of the world's start with two hashes, each of which must
 * be one of a file beside it, as it is or with its CRLF as LF.
 */
async function readLog(folder: string): Promise<void> {
  const log = await readFile(join(folder, 'logging.bin'));
  expect([log.readUInt16BE(0), log.readUInt16BE(2), log.readUInt8(4)]).toEqual([0, 5, 68]);
  for (const [file, at] of [
    ['settings.ini', 13],
    ['world/world.ini', 33],
  ] as const) {
    const content = await readFile(join(folder, file), 'latin1');
    const hashes = [content, content.replaceAll('\r\n', '\n')].map(text =>
      createHash('sha1').update(text, 'latin1').digest('hex'),
    );
    expect(hashes, file).toContain(log.toString('hex', at, at + 20));
  }
}

async function unpack({ sessions }: CuberiteFixture): Promise<string> {
  const folder = join(sessions, 'unpacked');
  await mkdir(folder);
  await promisify(execFile)('tar', ['xzf', join(sessions, 'test/logs.tar.gz'), '-C', folder]);
  return folder;
}

describe.concurrent('the settings that logging.bin has the hashes of', () => {
  test('are in the archive of a session that was stopped cleanly, where the readers find all they need', async ({
    cuberite,
  }) => {
    expect(await cuberite.run({ SESSION_JOIN_TIMEOUT: '300ms' })).toMatchObject({ code: 0 });
    const folder = await unpack(cuberite);
    await readLog(join(folder, 'cuberite_ready'));
    expect(await readFile(join(folder, 'cuberite_ready/Plugins/logging/logging.lua'), 'utf8')).toContain(
      '--',
    );
    // Which is why: Cuberite has changed its own.
    await expect(readLog(join(folder, 'cuberite'))).rejects.toThrow('settings.ini');
  });

  test('are written through no link: that they could not be kept is a notice', async ({ cuberite }) => {
    const elsewhere = join(cuberite.workdir, '../elsewhere');
    await mkdir(elsewhere);
    await mkdir(cuberite.workdir, { recursive: true });
    await symlink(elsewhere, join(cuberite.workdir, 'cuberite_ready'));
    const session = cuberite.start();
    await agentStarted(session);
    session.signal('SIGTERM');
    expect((await session.ended()).code).toBe(0);
    expect(session.stdout()).toMatch(/"event":"notice".*cuberite_ready was made by somebody else: remove it/);
    await expect(readFile(join(elsewhere, 'settings.ini'))).rejects.toThrow('ENOENT');
    expect((await readReport(cuberite.sessions)).saved).toBe('archive');
  });

  test('are those of the last session in a folder that is kept, and those of the first are kept with its log', {
    tags: ['slow'],
  }, async ({ cuberite }) => {
    const env = { SESSION_JOIN_TIMEOUT: '300ms' };
    expect(await cuberite.run({ ...env, TIMESTAMP: 'before' })).toMatchObject({ code: 0 });
    expect(await cuberite.run({ ...env, SESSION_CUBERITE_MODE: 'survival' })).toMatchObject({ code: 0 });
    const folder = await unpack(cuberite);
    await readLog(join(folder, 'cuberite_ready'));
    expect(await readFile(join(folder, 'cuberite_ready/world/world.ini'), 'utf8')).toContain('GameMode=0');
    await readLog(join(folder, 'cuberite_ready.1'));
    expect(await readFile(join(folder, 'cuberite_ready.1/world/world.ini'), 'utf8')).toContain('GameMode=1');
  });
});
