import { chmod, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundle, MAKE_REQUIRE } from '../../scripts/bundle.ts';
import { BUILD_VARIABLE } from './built.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Bundles once what the tests start again and again: the supervisor as it ships, and the test programs. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'test-build-'));
  // Other users' processes run the programs as well.
  await chmod(folder, 0o755);
  await Promise.all([
    bundle(join(ROOT, 'src/main.ts'), join(folder, 'craftassist-session.mjs')),
    buildPrograms(join(ROOT, 'test/programs'), join(folder, 'programs')),
  ]);
  process.env[BUILD_VARIABLE] = folder;
  return () => rm(folder, { recursive: true, force: true });
}

/** Copies scripts, and bundles Node's programs: each into one file of the same name that can be executed as well. */
async function buildPrograms(source: string, output: string): Promise<void> {
  await cp(source, output, { recursive: true });
  const names = await readdir(source);
  await build({
    entryPoints: names.filter(name => name.endsWith('.mjs')).map(name => join(source, name)),
    outdir: output,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    supported: { using: true },
    format: 'esm',
    logLevel: 'warning',
    banner: { js: MAKE_REQUIRE },
  });
}
