#!/usr/bin/env node
// Bundles the supervisor into one file that needs Node and nothing else: dist/craftassist-session.mjs.
import { chmod } from 'node:fs/promises';
import { build } from 'esbuild';
import { readVersion } from '../src/version.ts';

const OUTPUT = 'dist/craftassist-session.mjs';

const { commit } = await readVersion();
await build({
  entryPoints: ['src/main.ts'],
  outfile: OUTPUT,
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Modules that are imported on demand (the AWS SDK above all) are evaluated only then, though they lie in the file.
  define: { BUILD_COMMIT: JSON.stringify(process.env.COMMIT ?? commit) },
  banner: {
    // Packages in CommonJS ask for Node's own modules by require.
    js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
  },
  legalComments: 'linked',
  logLevel: 'info',
});
await chmod(OUTPUT, 0o755);
