import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bundle } from '../../scripts/bundle.ts';
import { COMPILE_CACHE_VARIABLE, SUPERVISOR_VARIABLE } from './entry.ts';

/** Bundles the supervisor once for all test files, as it ships. @returns what removes the bundle */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'session-bundle-'));
  const output = join(folder, 'craftassist-session.mjs');
  await bundle(resolve(import.meta.dirname, '../../src/main.ts'), output);
  // Vitest's workers inherit the environment.
  process.env[SUPERVISOR_VARIABLE] = output;
  process.env[COMPILE_CACHE_VARIABLE] = join(folder, 'compile-cache');
  return () => rm(folder, { recursive: true, force: true });
}
