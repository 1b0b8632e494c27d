/** @module-tag slow */

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const run = promisify(execFile);

let folder: string;
let program: string;

/** The package, unpacked where there is nothing else. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pack-test-'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: resolve(import.meta.dirname, '../..') });
  const [tarball = ''] = await readdir(folder);
  await run('tar', ['-xzf', tarball], { cwd: folder });
  program = join(folder, 'package', packageJson.bin['craftassist-session']);
}, 120_000);

afterAll(() => rm(folder, { recursive: true }));

test('the package runs with Node alone', async () => {
  const { stdout } = await run(process.execPath, [program, '--version']);
  expect(stdout).toMatch(`craftassist-session ${packageJson.version} (commit `);
});

test.for(['20.19.0', '24.4.1'])('Node %s is told which one is needed', async version => {
  const asOld = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
  const started = run(process.execPath, ['--import', `data:text/javascript,${asOld}`, program, '--version']);
  await expect(started).rejects.toMatchObject({
    code: 64,
    stderr: `this needs Node 24.5 or later, and was started by ${process.execPath}, Node ${version}\n`,
  });
});
