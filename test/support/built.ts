import { join, resolve } from 'node:path';

/** Names the folder with what build.ts has built; whatever is started inherits it. */
export const BUILD_VARIABLE = 'TEST_BUILD';

const build = process.env[BUILD_VARIABLE];
const root = resolve(import.meta.dirname, '../..');

/** The supervisor: the bundle that ships, where it was built. */
export const SUPERVISOR =
  build === undefined ? join(root, 'src/main.ts') : join(build, 'craftassist-session.mjs');

/** The folder of the test programs, which start twice as fast when their TypeScript is bundled. */
export const PROGRAMS = build === undefined ? join(root, 'test/programs') : join(build, 'programs');

/** What a program needs in its environment to share the code that others have compiled. */
export const COMPILE_CACHE: Readonly<Record<string, string>> =
  build === undefined ? {} : { NODE_COMPILE_CACHE: join(build, 'compile-cache') };
