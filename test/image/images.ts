import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { MAKE_REQUIRE } from '../../scripts/bundle.ts';
import type { Docker } from './docker.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Stand in for ready Craftassist images: as they were at first, as they are since, and for one that is none. */
const CRAFTASSIST = 'craftassist-smoke-base';
const FAIRO = 'craftassist-smoke-fairo-base';
const NEITHER = 'craftassist-smoke-neither';

/** Given to the build as a person's environment might have it; the image must not know it. */
export const BUILD_SECRET = 'smoke-secret-that-no-layer-may-hold';

export const IMAGES = {
  session: 'craftassist-smoke',
  fairo: 'craftassist-smoke-fairo',
  tools: 'craftassist-smoke-tools',
} as const;

/** Builds all images; the session image by the Makefile, as a person would. */
export async function buildImages(docker: Docker, print: (line: string) => void): Promise<void> {
  await timed('base images', print, () =>
    run('sh', [join(PROJECT, 'scripts/base-images.sh')], { env: docker.env }),
  );
  await timed('stand-ins', print, () => buildStandIns(docker));
  await timed('session image', print, () => buildSessionImage(docker, IMAGES.session, CRAFTASSIST));
  await timed('session image in /fairo', print, () => buildSessionImage(docker, IMAGES.fairo, FAIRO));
  const fault = await buildSessionImage(docker, IMAGES.fairo, NEITHER).catch(String);
  assert.match(`${fault}`, /this is no Craftassist image: there is neither \/droidlet nor \/fairo in it/);
}

async function timed(
  what: string,
  print: (line: string) => void,
  work: () => Promise<unknown>,
): Promise<void> {
  const startedMs = performance.now();
  await work();
  print(`built ${what} in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
}

async function buildStandIns(docker: Docker): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'craftassist-smoke-'));
  try {
    await cp(join(import.meta.dirname, 'craftassist'), context, { recursive: true });
    await cp(join(PROJECT, 'test/fixtures/cuberite_config'), join(context, 'cuberite_config'), {
      recursive: true,
    });
    for (const plugin of ['debug', 'chatlog', 'point_blocks', 'logging']) {
      await mkdir(join(context, 'cuberite_plugins', plugin), { recursive: true });
      await writeFile(join(context, 'cuberite_plugins', plugin, `${plugin}.lua`), '-- a stand-in\n');
    }
    await bundle('test/programs/cuberite.mjs', join(context, 'cuberite.mjs'));
    await bundle('test/support/s3-server-main.ts', join(context, 's3.mjs'));
    await bundle('test/image/watcher.ts', join(context, 'watcher.mjs'));
    for (const [image, ...options] of [
      [CRAFTASSIST, '--target=craftassist'],
      [FAIRO, '--target=craftassist', '--build-arg=ROOT=/fairo'],
      [NEITHER, '--target=craftassist', '--build-arg=ROOT=/elsewhere'],
      [IMAGES.tools, '--target=tools'],
    ] as const) {
      const command = ['build', ...options, '--tag', image, context];
      await run(docker.env.DOCKER ?? 'docker', command, { env: { ...docker.env, DOCKER_BUILDKIT: '1' } });
    }
  } finally {
    await rm(context, { recursive: true });
  }
}

async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(PROJECT, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: MAKE_REQUIRE },
  });
}

async function buildSessionImage(docker: Docker, image: string, craftassist: string): Promise<void> {
  const env = {
    ...docker.env,
    // Nobody's own image is replaced by one with stand-ins in it.
    IMAGE_NAME: image,
    REMOTE: '',
    // An SBOM is made by an image of Docker's own, which cannot be pulled everywhere.
    PLAIN_IMAGE: '1',
    CRAFTASSIST_IMAGE: craftassist,
    AWS_ACCESS_KEY_ID: BUILD_SECRET,
    AWS_SECRET_ACCESS_KEY: BUILD_SECRET,
  };
  await run('make', ['-C', PROJECT, 'build'], { env, maxBuffer: 64 * 1024 * 1024 });
}
