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

/** Stands in for a ready Craftassist image. */
const CRAFTASSIST = 'craftassist-smoke-base';

/** Given to the build as a person's environment might have it; the image must not know it. */
export const BUILD_SECRET = 'smoke-secret-that-no-layer-may-hold';

export const IMAGES = { session: 'craftassist-smoke', tools: 'craftassist-smoke-tools' } as const;

/** Builds all images; the session image by the Makefile, as a person would. */
export async function buildImages(docker: Docker, print: (line: string) => void): Promise<void> {
  await timed('base images', print, () =>
    run('sh', [join(PROJECT, 'scripts/base-images.sh')], { env: docker.env }),
  );
  await timed('stand-ins', print, () => buildStandIns(docker));
  await timed('session image', print, () => buildSessionImage(docker));
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
    for (const [target, image] of Object.entries({ craftassist: CRAFTASSIST, tools: IMAGES.tools })) {
      const command = ['build', '--target', target, '--tag', image, context];
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

async function buildSessionImage(docker: Docker): Promise<void> {
  const env = {
    ...docker.env,
    // Nobody's own image is replaced by one with stand-ins in it.
    IMAGE_NAME: IMAGES.session,
    REMOTE: '',
    CRAFTASSIST_IMAGE: CRAFTASSIST,
    AWS_ACCESS_KEY_ID: BUILD_SECRET,
    AWS_SECRET_ACCESS_KEY: BUILD_SECRET,
  };
  await run('make', ['-C', PROJECT, 'build'], { env, maxBuffer: 64 * 1024 * 1024 });
}
