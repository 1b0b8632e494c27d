import { chmod, cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundle, MAKE_REQUIRE } from '../../scripts/bundle.ts';
import { BUILD_VARIABLE } from './built.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Bundles once what the tests start again and again: the supervisor as it ships, and the test programs. */
export async function setup(): Promise<() => Promise<void>> {
  await checkInstalled();
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

/** Otherwise the first test that types `make …` would install the packages anew, under all the others. */
async function checkInstalled(): Promise<void> {
  const [wanted, installed] = await Promise.all(
    ['package.json', 'node_modules/.package-lock.json'].map(name => stat(join(ROOT, name))),
  );
  if (wanted !== undefined && installed !== undefined && wanted.mtimeMs > installed.mtimeMs)
    throw new Error('package.json is newer than what is installed: type npm ci, or make test');
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
