import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build, type OutputFile } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };

/** What stands before a module that has packages in CommonJS in it: they call `require`, which it has to make for itself. */
export const MAKE_REQUIRE =
  "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);";

const OLDEST_NODE = oldestNode(packageJson.engines.node);

/** What install-isal.sh makes, where it has been run. */
const ADDON = resolve(import.meta.dirname, '../native/deflate.node');

/** Bundles a program and all that it imports into one file that needs Node and nothing else; ISA-L's addon lies beside it. */
export async function bundle(entry: string, output: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: { main: entry },
    outdir: dirname(output),
    bundle: true,
    // What is imported on demand (the AWS SDK above all) is neither parsed nor evaluated before.
    splitting: true,
    minify: true,
    platform: 'node',
    // Of ES modules only what is used is taken: the SDK also has commands that nobody asks for.
    mainFields: ['module', 'main'],
    target: 'node24',
    // Node 24 has `using`; esbuild would lower it, and in a loop rethrow the error of an earlier round (0.28.2).
    supported: { using: true },
    format: 'esm',
    define: { BUILD_COMMIT: JSON.stringify(process.env.COMMIT ?? (await checkedOutCommit())) },
    legalComments: 'linked',
    logLevel: 'warning',
    write: false,
  });
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, oneFile(outputFiles.filter(({ path }) => path.endsWith('.js'))));
  await writeFile(
    `${output}.LEGAL.txt`,
    outputFiles
      .filter(({ path }) => path.endsWith('.txt'))
      .map(({ text }) => text)
      .join('\n'),
  );
  await chmod(output, 0o755);
  if (existsSync(ADDON)) await copyFile(ADDON, join(dirname(output), 'deflate.node'));
}

/** `unknown` without git or outside of a checkout, as in the image's build: COMMIT says it there. */
async function checkedOutCommit(): Promise<string> {
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=12', '--match='];
    const { stdout } = await promisify(execFile)('git', args, { cwd: import.meta.dirname });
    return stdout.trim();
  } catch {
    return 'unknown';
  }
}

/**
 * Puts modules into one file, as texts that Node gets when they are imported. A module that enables the compile cache
 * is compiled itself by then: what is to come from the cache has to be another one, and text costs next to nothing.
 */
function oneFile(modules: readonly OutputFile[]): string {
  const texts = modules.map(({ path, text }) => [
    `./${basename(path)}`,
    withRequire(text.replace(/^#!.*\n/, '')),
  ]);
  return `#!/usr/bin/env node
import module from 'node:module';
// Whatever an earlier Node cannot parse or lacks is imported after this.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < ${OLDEST_NODE.major} || (major === ${OLDEST_NODE.major} && minor < ${OLDEST_NODE.minor})) {
  console.error('this needs Node ${OLDEST_NODE.major}.${OLDEST_NODE.minor} or later, and was started by ' + process.execPath + ', Node ' + process.versions.node);
  process.exit(64);
}
const { enableCompileCache, registerHooks } = module;
const modules = new Map(${inAscii(JSON.stringify(texts))});
const urlOf = name => import.meta.url + '?' + name;
const names = new Map([...modules.keys()].map(name => [urlOf(name), name]));
enableCompileCache();
registerHooks({
  resolve: (name, context, next) => modules.has(name) ? { url: urlOf(name), shortCircuit: true } : next(name, context),
  load: (url, context, next) => names.has(url)
    ? { format: 'module', source: modules.get(names.get(url)), shortCircuit: true }
    : next(url, context),
});
await import('./main.js');
`;
}

/** @param range of the form `>=24.5` */
function oldestNode(range: string): { readonly major: number; readonly minor: number } {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(range) ?? [];
  if (major === undefined || minor === undefined)
    throw new Error(`package.json's engines.node is "${range}"`);
  return { major: Number(major), minor: Number(minor) };
}

/** One character beyond Latin-1, and V8 keeps the whole file in two bytes for each. */
function inAscii(json: string): string {
  return json.replace(/[^\0-\x7f]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Packages in CommonJS ask for Node's own modules by `require`, which esbuild looks for in one module for them all. */
function withRequire(text: string): string {
  if (!text.includes('typeof require')) return text;
  return MAKE_REQUIRE + text;
}
