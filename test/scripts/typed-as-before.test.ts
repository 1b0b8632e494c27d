/** @module-tag slow */

import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openEcr } from './support/ecr.ts';
import { runTyped } from './support/script.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

/** Keys are in the environment, as the deployment page has it, and nothing else but where the stand-in is. */
async function registry() {
  const ecr = await openEcr();
  onTestFinished(() => ecr[Symbol.asyncDispose]());
  const old = ecr.push('latest', 'old');
  const wanted = ecr.push('0123abcd', 'new');
  return { ecr, old, wanted, env: { AWS_ENDPOINT_URL_ECR: ecr.url } };
}

test('tools/docker/promote.sh takes a tag or a digest, in the region as it was', async () => {
  const { ecr, old, wanted, env } = await registry();
  const { code, stdout, stderr } = await runTyped(['./tools/docker/promote.sh', '0123abcd'], env);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('us-west-1, as it always was, in the account of the credentials\n');
  expect(ecr.tags.get('latest')).toBe(wanted);
  expect(ecr.requests.every(({ input }) => input.registryId === undefined)).toBe(true);
  await runTyped(['./tools/docker/promote.sh', old], env);
  expect(ecr.tags.get('latest')).toBe(old);
  await runTyped(['./tools/docker/promote.sh', '0123abcd', 'staging'], env);
  expect([ecr.tags.get('latest'), ecr.tags.get('staging')]).toEqual([old, wanted]);
  expect(await runTyped(['./tools/docker/promote.sh'], env)).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('usage: ./tools/docker/promote.sh <tag or digest>'),
  });
});

test('make promote takes them as a word of its own', async () => {
  const { ecr, old, wanted, env } = await registry();
  const options = { ...env, AWS_REGION: 'us-west-1' };
  const { code, stderr } = await runTyped(['make', 'promote', '0123abcd'], options);
  expect(code, stderr).toBe(0);
  expect(ecr.tags.get('latest')).toBe(wanted);
  expect((await runTyped(['make', 'promote', old], options)).code).toBe(0);
  expect(ecr.tags.get('latest')).toBe(old);
  const { stderr: fault } = await runTyped(['make', 'promote'], options);
  expect(fault).toContain('TAG is not set: write make promote TAG=<commit or digest>');
});

test('make -C tools/docker builds and pushes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'typed-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [docker, heard] = [join(folder, 'docker'), join(folder, 'heard')];
  await writeFile(
    docker,
    `#!/bin/sh\ncase "$1" in buildx) exit 1;; esac\necho "$1" >>"${heard}"\ncase "$1" in image) echo R/craftassist@sha256:a;; esac\n`,
  );
  await chmod(docker, 0o755);
  const env = { DOCKER: docker, COMMIT: 'abc123', REMOTE: 'R', CRAFTASSIST_IMAGE: 'ready' };
  for (const target of ['all', 'push-versioned', 'pull']) {
    const { code, stderr } = await runTyped(['make', '-C', 'tools/docker', target], env);
    expect(code, stderr).toBe(0);
  }
  expect((await readFile(heard, 'utf8')).split('\n')).toEqual([
    'build',
    'image',
    'image',
    'push',
    'image',
    'pull',
    '',
  ]);
});

test('what begins with #! may be started by its name', async () => {
  const folders = ['scripts', 'test', 'tools'].map(name => join(PROJECT, name));
  const listings = folders.map(folder => readdir(folder, { recursive: true, withFileTypes: true }));
  const files = (await Promise.all(listings)).flat().filter(entry => entry.isFile());
  const wrong = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      const isScript = (await readFile(path, 'latin1')).startsWith('#!');
      return isScript && ((await stat(path)).mode & 0o111) === 0 ? [path] : [];
    }),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(wrong.flat()).toEqual([]);
});
