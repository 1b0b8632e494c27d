import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };
import { builtinModules } from './builtin-modules.ts';
import { type NodeVersion, oneFile } from './one-file.ts';

/** What stands before a module that has packages in CommonJS in it: they call `require`, which it has to make for itself. */
export const MAKE_REQUIRE =
  "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

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
    plugins: [builtinModules],
    legalComments: 'linked',
    logLevel: 'warning',
    write: false,
  });
  await mkdir(dirname(output), { recursive: true });
  const modules = outputFiles.filter(({ path }) => path.endsWith('.js'));
  await writeFile(
    output,
    oneFile(
      modules.map(({ path, text }) => ({ path, text: withRequire(text) })),
      OLDEST_NODE,
    ),
  );
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

/** @param range of the form `>=24.5` */
function oldestNode(range: string): NodeVersion {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(range) ?? [];
  if (major === undefined || minor === undefined)
    throw new Error(`package.json's engines.node is "${range}"`);
  return { major: Number(major), minor: Number(minor) };
}

/** Packages in CommonJS ask for Node's own modules by `require`, which esbuild looks for in one module for them all. */
function withRequire(text: string): string {
  if (!text.includes('typeof require')) return text;
  return `const require = process.getBuiltinModule;${text}`;
}
